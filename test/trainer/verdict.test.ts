import { expect, it } from 'vitest';
import { fitToDeploy } from '../../trainer/report/verdict.ts';

const outcomes = (images: number, acceptedWrong: number, rejected: number) => ({
  ...{ images, acceptedWrong, rejected, acceptedRight: images - acceptedWrong - rejected, nearestRight: images },
});
const conformal = { method: 'conformal', alpha: 0.015 } as Parameters<typeof fitToDeploy>[2];
const classes = (count: number, images: number, change = {}) =>
  Array.from({ length: count }, (_, y) => ({ name: `class ${y}`, outcomes: { ...outcomes(images, 0, 0), ...change } }));

it('is fit where only attacks are unknown', () => {
  const verdict = fitToDeploy(outcomes(10_000, 36, 115), classes(10, 1000), conformal);
  expect(verdict.fit).toBe(true);
  expect(verdict.reasons).toEqual([expect.stringMatching(/Attacks are not measured here/)]);
});

it.each([
  [
    'too many errors',
    outcomes(10_000, 101, 100),
    classes(10, 1000),
    conformal,
    /1.01 % of the test images are accepted with a wrong class/,
  ],
  [
    'too many rejections',
    outcomes(10_000, 10, 180),
    classes(10, 1000),
    conformal,
    /1.80 % of the test images are rejected, more than the 1.5 %/,
  ],
  [
    'no promise',
    outcomes(10_000, 10, 10),
    classes(10, 1000),
    { ...conformal, method: 'three-sigma' as const },
    /guarantee no false-rejection rate/,
  ],
  ['small classes', outcomes(290, 0, 0), classes(10, 29), conformal, /10 of 10 classes have fewer than 30 test images \(class 0, .*…\)/],
  [
    'a bad class',
    outcomes(1000, 5, 5),
    classes(10, 100, { acceptedRight: 89 }),
    conformal,
    /Class class 0: 11.00 % of its test images are rejected or accepted with a wrong class/,
  ],
])('is not fit for %s', (_, all, perClass, calibration, reason) => {
  const verdict = fitToDeploy(all, perClass, calibration);
  expect(verdict.fit).toBe(false);
  expect(verdict.reasons.join('\n')).toMatch(reason);
});

import { expect, it } from 'vitest';
import { areShared, estimateCovariances } from '../../trainer/covariances.ts';

const means = [
  [1, 0],
  [0, 1],
];
// Squares about the means: (.04, .01) twice for class 0, (.25, .09) for class 1.
const latents = [
  [1.2, 0.1],
  [0.8, -0.1],
  [0.5, 0.7],
];

it('a shared variance is the mean over all images and dimensions', () => {
  const shared = estimateCovariances(latents, [0, 0, 1], means, 'shared');
  const mean = (0.04 + 0.01 + 0.04 + 0.01 + 0.25 + 0.09) / 6;
  expect(shared).toEqual({ kind: 'spherical', values: [expect.closeTo(mean, 6), expect.closeTo(mean, 6)] });
  expect(areShared(shared)).toBe(true);
});

it('others differ from class to class, drawn towards what they have in common', () => {
  const spherical = estimateCovariances(latents, [0, 0, 1], means, 'spherical');
  // Per dimension: (sum of the class + 10 x the mean of all) / (count + 10).
  const [first, second] = [(0.08 + 10 * 0.11) / 12, (0.02 + (10 * 0.11) / 3) / 12];
  expect(spherical.values[0]).toBeCloseTo((first + second) / 2, 6);
  expect(areShared(spherical)).toBe(false);
  expect(areShared(estimateCovariances(latents, [0, 0, 1], means, 'diagonal'))).toBe(false);
});

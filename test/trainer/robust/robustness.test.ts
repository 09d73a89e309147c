import { expect, it } from 'vitest';
import { randomFrom } from '../../../shared/random.ts';
import { inMemory } from '../../../trainer/data/dataset.ts';
import { attackRowsOf } from '../../../trainer/robust/attack-rows.ts';
import { neighboursAmong } from '../../../trainer/robust/neighbours.ts';
import { drawInnerAttack, radiusScaleAt } from '../../../trainer/robust/robustness.ts';
import { tinyRobustness } from '../tiny-dataset.ts';

const robust = { ...tinyRobustness, budget: { linf: 0.3, l2: 1.5 }, ramp: 0.35 };
const input = { height: 2, width: 2, channels: 1 } as const;

it('the radii grow from a twentieth to their full size over the ramp', () => {
  expect([0, 175, 350, 1000].map((step) => radiusScaleAt(step, 1000, robust))).toEqual([0.05, 0.525, 1, 1]);
});

it('attacks vary as they are meant to', () => {
  const random = randomFrom(1, 'attacks');
  const drawn = Array.from({ length: 4000 }, () => drawInnerAttack(robust, true, random));
  const share = (of: (attack: (typeof drawn)[number]) => boolean, among = drawn) => among.filter(of).length / among.length;
  expect(share(({ start }) => start === 'neighbour')).toBeCloseTo(0.6, 1);
  expect(share(({ start }) => start === 'image')).toBeCloseTo(0.25, 1);
  expect(share(({ norm }) => norm === 'l2')).toBeCloseTo(0.35, 1);
  expect(share(({ sparse }) => sparse)).toBeCloseTo(0.2, 1);
  const [linf, l2] = [drawn.filter(({ norm }) => norm === 'linf'), drawn.filter(({ norm }) => norm === 'l2')];
  expect(share(({ radius }) => radius === 0.3 * 1.1, linf)).toBeCloseTo(0.7, 1);
  expect(Math.max(...l2.map(({ radius }) => radius))).toBe(1.5 * 1.2);
  expect(drawn.every(({ radius, step }) => radius > 0 && step >= 0.35 && step <= 1.25)).toBe(true);
});

it('nothing is attacked in no steps', () => {
  const random = randomFrom(1, 'attacks');
  expect(drawInnerAttack({ ...robust, steps: 0 }, true, random).radius).toBe(0);
});

it('in l2, attacks in a ball that shrinks start at more neighbours, and the others are as they were', () => {
  const shrinking = {
    steps: 5,
    shrinkShare: 0.6,
    reach: { least: 1.5, most: 2.5 },
    stepLength: { least: 0.4, most: 0.8 },
    neighbours: 0.9,
  };
  const random = randomFrom(1, 'attacks');
  const drawn = Array.from({ length: 4000 }, () => drawInnerAttack({ ...robust, shrinking }, true, random));
  const [linf, l2] = [drawn.filter(({ norm }) => norm === 'linf'), drawn.filter(({ norm }) => norm === 'l2')];
  const share = (of: (attack: (typeof drawn)[number]) => boolean, among: typeof drawn) => among.filter(of).length / among.length;
  expect(share(({ start }) => start === 'neighbour', l2)).toBeCloseTo(0.9, 1);
  expect(share(({ start }) => start === 'noise', l2)).toBeCloseTo(0.0375, 1);
  expect(share(({ start }) => start === 'neighbour', linf)).toBeCloseTo(0.6, 1);
  expect(l2.every(({ reach, step }) => reach >= 1.5 && reach <= 2.5 && step >= 0.4 && step <= 0.8)).toBe(true);
  expect(linf.every(({ reach }) => reach === 1)).toBe(true);
  expect(Math.max(...linf.map(({ step }) => step))).toBeGreaterThan(1.2);
});

it('some outliers are attacked, within smaller balls', () => {
  const random = randomFrom(2, 'attacks');
  const drawn = Array.from({ length: 2000 }, () => drawInnerAttack(robust, false, random));
  expect(drawn.filter(({ radius }) => radius > 0).length / 2000).toBeCloseTo(0.5, 1);
  expect(Math.max(...drawn.filter(({ norm }) => norm === 'linf').map(({ radius }) => radius))).toBe(0.5 * 0.3 * 1.1);
});

const data = inMemory(
  Uint8Array.of(...[255, 255, 0, 0], ...[255, 200, 0, 0], ...[0, 0, 255, 255], ...[0, 255, 0, 255]),
  Uint8Array.of(0, 1, 1, 2),
);

it('finds the nearest image of another class', () => {
  const neighbours = neighboursAmong(data, [0, 1, 2, 3], input);
  const image = Float32Array.of(1, 0.95, 0, 0);
  expect(neighbours.nearest(image, 0)).toBe(1);
  expect(neighbours.nearest(image, 1)).toBe(0);
  expect(neighbours.nearest(image, null)).toBe(0);
  expect(neighboursAmong(data, [1, 2], input).nearest(image, 1)).toBe(null);
});

it('starts are the image, noise about it, or its neighbour; an image that is not attacked has none', () => {
  const images = Float32Array.of(...[1, 0.95, 0, 0], ...[0.5, 0.5, 0.5, 0.5], ...[0.2, 0.4, 0.6, 0.8], ...[0.1, 0.1, 0.1, 0.1]);
  const attack = { norm: 'linf' as const, radius: 0.1, step: 1, reach: 1, sparse: false, targeted: true, seed: 3 };
  const rows = attackRowsOf(
    [
      { ...attack, start: 'neighbour' },
      { ...attack, start: 'noise', norm: 'l2' },
      { ...attack, start: 'image', sparse: true },
      { ...attack, start: 'image', radius: 0 },
    ],
    images,
    [0, 1, 2],
    neighboursAmong(data, [0, 1, 2, 3], input),
    data,
    input,
  );
  const start = (i: number) => Array.from(rows.starts.subarray(4 * i, 4 * i + 4));
  expect(start(0)).toEqual([1, 200 / 255, 0, 0].map((level) => expect.closeTo(level, 6)));
  expect(start(1).every((level) => level !== 0.5 && Math.abs(level - 0.5) < 0.3)).toBe(true);
  expect(start(2)).toEqual(Array.from(images.subarray(8, 12)));
  expect(Array.from(rows.radii)).toEqual([0.1, 0.1, 0.1, 0].map((radius) => expect.closeTo(radius, 6)));
  expect(Array.from(rows.goals)).toEqual([1, -1, -1, -1]);
  expect([Array.from(rows.isL2), Array.from(rows.isSparse)]).toEqual([
    [0, 1, 0, 0],
    [0, 0, 1, 0],
  ]);
});

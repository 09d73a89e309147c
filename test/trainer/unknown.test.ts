import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatImages } from '../../attacks/tensors.ts';
import { randomFrom } from '../../shared/random.ts';
import { inMemory } from '../../trainer/data/dataset.ts';
import { drawnAs, inkOf, type Point } from '../../trainer/data/unknown/ink.ts';
import { FIRST_KINDS, makeOutlier, makeUnknown, unknownKinds } from '../../trainer/data/unknown/kinds.ts';
import type { Genuine } from '../../trainer/data/unknown/make.ts';
import { unlikeClasses } from '../../trainer/data/unknown/unlike.ts';

const none: Genuine = { values: new Float32Array(0), count: 0, label: () => 0, own: null, unlike: () => new Set() };

const sizes = [
  { height: 28, width: 28, channels: 1 as const },
  { height: 9, width: 14, channels: 3 as const },
];

it('outliers are images of the size, in [0, 1], the same for the same seed, and leave the batch as it was', () => {
  fc.assert(
    fc.property(fc.constantFrom(...sizes), fc.integer(), fc.integer({ min: 1, max: 4 }), (size, seed, count) => {
      const length = size.height * size.width * size.channels;
      const random = randomFrom(4, 'genuine');
      const values = Float32Array.from({ length: count * length }, () => random.uniform());
      const before = values.slice();
      const genuine = { ...none, values, count };
      const image = makeOutlier(FIRST_KINDS, genuine, size, randomFrom(seed));
      expect(image).toHaveLength(length);
      expect(image.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(makeOutlier(FIRST_KINDS, genuine, size, randomFrom(seed))).toEqual(image);
      expect(values).toEqual(before);
    }),
    { numRuns: 300, seed: 5 },
  );
});

it('none is one of the images that it was made from', () => {
  const size = sizes[0] as (typeof sizes)[number];
  // A stroke down and a stroke across, of two classes, each beside the middle.
  const stroke = (i: number, across: boolean) => [6, 7, 8].includes(across ? Math.floor(i / 28) : i % 28);
  const values = Float32Array.from({ length: 2 * 784 }, (_, i) => (stroke(i % 784, i >= 784) ? 0.9 : 0.1));
  const genuine = { ...none, values, count: 2, label: (i: number) => i };
  const distance = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0);
  let near = 0;
  for (let seed = 0; seed < 400; seed++) {
    const image = makeOutlier(FIRST_KINDS, genuine, size, randomFrom(seed));
    if (Math.min(distance(image, values.slice(0, 784)), distance(image, values.slice(784))) < 10) near++;
  }
  expect(near).toBe(0);
});

/** Letters of one stroke, drawn by the same code: an L and its mirror image are two classes, a bar and a 7 have none. */
const size = { height: 28, width: 28, channels: 1 as const };
const ink = { background: [0], level: [1], extent: 18, center: [13.5, 13.5] as [number, number], stroke: 2.5 };
const letters: Point[][] = [
  [
    [0, 0],
    [1, 0],
    [1, 0.6],
  ],
  [
    [0, 0.6],
    [1, 0.6],
    [1, 0],
  ],
  [
    [0, 0],
    [1, 0],
  ],
  [
    [0, 0],
    [0, 0.6],
    [0.5, 0.25],
    [1, 0.25],
  ],
];
const random = randomFrom(7, 'letters');
const wobbly = (points: Point[]) => points.map(([y, x]): Point => [y + 0.04 * random.normal(), x + 0.04 * random.normal()]);
const drawnLetters = Array.from({ length: 400 }, (_, i) => drawnAs(ink, [wobbly(letters[i % 4] as Point[])], size));
const values = concatImages(drawnLetters);
const images = inMemory(
  Uint8Array.from(values, (value) => Math.round(255 * value)),
  Uint8Array.from(drawnLetters, (_, i) => i % 4),
);
const unlike = unlikeClasses(images, [...Array(400).keys()], 4, size);
const genuine: Genuine = { values: values.slice(0, 40 * 784), count: 40, label: (i) => i % 4, own: images, unlike };

describe('unknown images', () => {
  it.each([...unknownKinds.keys()])('of the kind %s: of the size, in [0, 1], the same for the same seed', (kind) => {
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const made = makeUnknown(kind, genuine, size, seeds);
    expect(made.length).toBeGreaterThan(4);
    for (const image of made) {
      expect(image).toHaveLength(784);
      expect(image.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    expect(makeUnknown(kind, genuine, size, seeds)).toEqual(made);
    expect(new Set(made.map((image) => image.join())).size).toBeGreaterThan(1);
  });

  it('are none of a class whose mirror image is a class, or itself', () => {
    // L and its mirror image are each other's, the bar its own.
    expect([...unlike('left to right')]).toEqual([3]);
    expect(unlike('by 180 degrees').has(2)).toBe(false);
    expect(unlike('by 90 degrees').has(2)).toBe(true);
    const none: Genuine = { ...genuine, unlike: () => new Set() };
    expect(makeUnknown('mirrored', none, size, [1, 2, 3])).toEqual([]);
  });

  it('are drawn as large, thick and dark as the ink that they take the place of, on the same spot', () => {
    const of = inkOf(drawnAs({ ...ink, background: [0.2], level: [0.7] }, [letters[0] as Point[]], size), size);
    expect(of?.background[0]).toBeCloseTo(0.2, 6);
    expect(of?.level[0]).toBeCloseTo(0.7, 1);
    expect(Math.abs((of?.extent ?? 0) - ink.extent)).toBeLessThanOrEqual(1);
    expect(Math.abs((of?.stroke ?? 0) - ink.stroke)).toBeLessThan(0.8);
    for (const axis of [0, 1] as const) expect(Math.abs((of?.center[axis] ?? 0) - ink.center[axis])).toBeLessThan(0.7);
    expect(inkOf(new Float32Array(784).fill(0.4), size)).toBeNull();
  });
});

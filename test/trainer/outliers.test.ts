import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { makeOutlier } from '../../trainer/data/outliers.ts';

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
      const genuine = { values, count, areAlike: () => true };
      const image = makeOutlier(genuine, size, randomFrom(seed));
      expect(image).toHaveLength(length);
      expect(image.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(makeOutlier(genuine, size, randomFrom(seed))).toEqual(image);
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
  const genuine = { values, count: 2, areAlike: (a: number, b: number) => a === b };
  const distance = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0);
  let near = 0;
  for (let seed = 0; seed < 400; seed++) {
    const image = makeOutlier(genuine, size, randomFrom(seed));
    if (Math.min(distance(image, values.slice(0, 784)), distance(image, values.slice(784))) < 10) near++;
  }
  expect(near).toBe(0);
});

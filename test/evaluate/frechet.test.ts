import { expect, it } from 'vitest';
import { frechetDistance } from '../../evaluate/protocols/fid.ts';
import { randomFrom } from '../../shared/random.ts';

/** Rows of two values with exactly this mean and these variances: the corners of a rectangle. */
const rectangle = (mean: [number, number], half: [number, number]) =>
  [-1, 1].flatMap((x) => [-1, 1].map((y) => [mean[0] + x * half[0], mean[1] + y * half[1]]));

it('is by hand what it is for independent values: squares of the differences of means and of deviations', () => {
  // Variances of four corners are 4/3 of the squared halves.
  const deviation = Math.sqrt(4 / 3);
  const found = frechetDistance(rectangle([0, 0], [1, 2]), rectangle([3, -1], [2, 5]));
  expect(found).toBeCloseTo(9 + 1 + (deviation * (2 - 1)) ** 2 + (deviation * (5 - 2)) ** 2, 8);
});

it('is 0 for the same rows, the same both ways round, and knows correlation', () => {
  const random = randomFrom(2, 'frechet');
  const rows = (mix: number) =>
    Array.from({ length: 200 }, () => {
      const [a, b, c] = [random.normal(), random.normal(), random.normal()];
      return [a, mix * a + (1 - mix) * b, c];
    });
  const [plain, mixed] = [rows(0), rows(0.9)];
  expect(frechetDistance(plain, plain)).toBeCloseTo(0, 8);
  expect(frechetDistance(plain, mixed)).toBeCloseTo(frechetDistance(mixed, plain), 8);
  expect(frechetDistance(plain, mixed)).toBeGreaterThan(0.05);
});

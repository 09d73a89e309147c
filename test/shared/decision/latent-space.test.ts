import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latentDistance, nearestMean, oneHotMeans, precisionsOf, squaredEuclidean } from '../../../shared/decision/latent-space.ts';

const D = 4;
const value = fc.double({ min: -2, max: 2, noNaN: true });
const vector = fc.array(value, { minLength: D, maxLength: D });
const square = fc.array(vector, { minLength: D, maxLength: D });
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, item, i) => sum + item * (b[i] as number), 0);

/** Solves A x = b by Gauss and Jordan with pivoting: another way than the Cholesky factor of the code that is tested. */
function solved(a: number[][], b: number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i] as number]);
  for (let column = 0; column < rows.length; column++) {
    let pivot = column;
    for (let i = column; i < rows.length; i++)
      if (Math.abs(rows[i]?.[column] as number) > Math.abs(rows[pivot]?.[column] as number)) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot] as number[], rows[column] as number[]];
    const lead = rows[column] as number[];
    const scale = lead[column] as number;
    lead.forEach((item, i) => {
      lead[i] = item / scale;
    });
    rows.forEach((row, i) => {
      const factor = row[column] as number;
      if (i === column) return;
      row.forEach((item, j) => {
        row[j] = item - factor * (lead[j] as number);
      });
    });
  }
  return rows.map((row) => row[rows.length] as number);
}

/** M M^T + I / 2: symmetric and positive definite, whatever M. */
const covarianceFrom = (m: number[][]) => m.map((row, i) => m.map((other, j) => dot(row, other) + (i === j ? 0.5 : 0)));

describe('latentDistance', () => {
  it('with a full covariance is (z - mu)^T Sigma^-1 (z - mu), by an independent solution', () => {
    fc.assert(
      fc.property(square, vector, vector, (m, latent, mean) => {
        const covariance = covarianceFrom(m);
        const delta = latent.map((item, i) => item - (mean[i] as number));
        const expected = dot(delta, solved(covariance, delta));
        const [precision] = precisionsOf({ kind: 'full', values: [covariance] }, D);
        const distance = latentDistance(latent, mean, precision as number[][]);
        expect(Math.abs(distance - expected)).toBeLessThanOrEqual(1e-8 * (1 + expected));
        expect(distance).toBeGreaterThanOrEqual(-1e-9);
      }),
    );
  });

  it('of a diagonal or spherical covariance is that of the same full one', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: D, maxLength: D }), vector, (variances, latent) => {
        const matrix = variances.map((variance, i) => variances.map((_, j) => (i === j ? variance : 0)));
        const mean = [0, 0, 0, 0];
        const by = (covariances: Parameters<typeof precisionsOf>[0]) =>
          latentDistance(latent, mean, precisionsOf(covariances, D)[0] as number[][]);
        const full = by({ kind: 'full', values: [matrix] });
        expect(by({ kind: 'diagonal', values: [variances] })).toBeCloseTo(full, 6);
        const sphere = variances.map((_, i) => variances.map((_, j) => (i === j ? 0.25 : 0)));
        expect(by({ kind: 'spherical', values: [0.25] })).toBeCloseTo(by({ kind: 'full', values: [sphere] }), 6);
      }),
    );
  });

  it('refuses a covariance that is not positive definite', () => {
    const values = [
      [
        [1, 2],
        [2, 1],
      ],
    ];
    expect(() => precisionsOf({ kind: 'full', values }, 2)).toThrow(/not positive definite/);
  });

  it('is not a number where the latent is not', () => {
    const [precision] = precisionsOf({ kind: 'spherical', values: [1] }, 2);
    expect(latentDistance([Number.NaN, 0], [0, 0], precision as number[][])).toBeNaN();
  });
});

describe('the mixture', () => {
  it('has one-hot means, zero-padded, which are their own nearest', () => {
    expect(oneHotMeans(2, 3)).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    for (const [y, mean] of oneHotMeans(7, 9).entries()) expect(nearestMean(mean, oneHotMeans(7, 9))).toBe(y);
    expect(() => oneHotMeans(3, 2)).toThrow('latentDim is 2; one-hot means of 3 classes need at least 3');
  });

  it('is nearest to a mean to which no other is nearer', () => {
    fc.assert(
      fc.property(fc.array(vector, { minLength: 1, maxLength: 6 }), vector, (means, latent) => {
        const chosen = squaredEuclidean(latent, means[nearestMean(latent, means)] as number[]);
        for (const mean of means) expect(chosen).toBeLessThanOrEqual(squaredEuclidean(latent, mean));
      }),
    );
  });

  it('refuses vectors of different lengths', () => {
    expect(() => squaredEuclidean([1], [1, 2])).toThrow('vectors of 1 and 2 values have no distance');
  });
});

import { describe, expect, it } from 'vitest';
import { acceptances, leastWithin } from '../../../evaluate/certificate/acceptance.ts';
import type { Screening } from '../../../shared/bundle/screening-schema.ts';

const space = (covariances: Screening['covariances'], maxLatentDistance: number[]) =>
  ({
    ...{ latentDim: 3, covariances, thresholds: { maxLatentDistance, maxReconstructionError: [1, 1] } },
    means: [[1, 0, 0], [0, 1, 0]],
  }) as unknown as Screening; // biome-ignore format: a row

describe('acceptance as a class needs', () => {
  it('z_t - z_s >= 1 - sqrt(2 tau) with a variance of 1', () => {
    const [first] = acceptances(space({ kind: 'spherical', values: [1, 1] }, [0.02, 0.02]));
    expect(first?.pairs.map(({ direction }) => direction)).toEqual([[1, -1, 0]]);
    expect(first?.pairs[0]?.least).toBeCloseTo(1 - Math.sqrt(2 * 0.02), 5);
    expect(first?.pairs[0]?.least).toBeLessThan(1 - Math.sqrt(2 * 0.02));
  });

  it('the nearest mean, however far the threshold is', () => {
    const [first] = acceptances(space({ kind: 'spherical', values: [1, 1] }, [40, 40]));
    expect(first?.pairs[0]?.least).toBeCloseTo(0, 4);
    expect(first?.pairs[0]?.least).toBeLessThan(0);
  });

  it('a z >= a mu - sqrt(tau a^T Sigma a), in the class its own variances', () => {
    const [, second] = acceptances(space({ kind: 'diagonal', values: [[1, 1, 1], [0.01, 0.04, 9]] }, [1, 4])); // biome-ignore format: a row
    // sqrt(4 (.01 + .04)) = .4472
    expect(second?.pairs[0]?.least).toBeCloseTo(1 - 0.4472, 4);
    expect(leastWithin(second as NonNullable<typeof second>, [0, 0, 1])).toBeCloseTo(-6, 4);
  });

  it('spherical or diagonal covariances', () => {
    const matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]; // biome-ignore format: a row
    expect(() => acceptances(space({ kind: 'full', values: [matrix, matrix] }, [1, 1]))).toThrow(/--covariance spherical/);
  });
});

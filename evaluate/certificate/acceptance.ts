import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { CertificateError } from './read-graph.ts';

/** What follows for the latent z of an image from its acceptance as a class by the label and the latent test alone. */
export interface Acceptance {
  mean: readonly number[];
  /** Variance of each dimension. */
  variances: readonly number[];
  /** Largest squared Mahalanobis distance from the mean. */
  limit: number;
  /** For each other class s, a direction a = mean - mean_s and the least a z. */
  pairs: { direction: number[]; least: number }[];
}

/**
 * Returns what acceptance as each class needs. With d^2 the squared Mahalanobis distance to the mean mu_t and tau_t its threshold,
 * d^2 <= tau_t holds only where a z >= a mu_t - sqrt(tau_t a^T Sigma_t a) for every direction a; for one-hot means, a variance of 1 and the
 * direction e_t - e_s that is z_t - z_s >= 1 - sqrt(2 tau_t). The label t, the nearest mean, needs a z >= (|mu_t|^2 - |mu_s|^2) / 2 too.
 *
 * All terms of both distances are squares, so float32 changes them by a small share, for which the bounds leave room.
 *
 * @throws CertificateError where the covariances are full
 */
export function acceptances({ means, covariances, thresholds, latentDim }: Screening): Acceptance[] {
  if (covariances.kind === 'full')
    throw new CertificateError(
      'a certificate needs spherical or diagonal covariances, the bundle has full ones; train it with --covariance spherical',
    );
  const rounding = (latentDim + 8) * 2 ** -24;
  return means.map((mean, t) => {
    const own = covariances.values[t] as number | number[];
    const variances = mean.map((_, j) => (typeof own === 'number' ? own : (own[j] as number)));
    const limit = (thresholds.maxLatentDistance[t] as number) * (1 + 2 * rounding);
    const nearest = rounding * limit * Math.max(...variances);
    const pairs = means.flatMap((other, s) => {
      if (s === t) return [];
      const direction = mean.map((value, j) => value - (other[j] as number));
      const middle = (dot(mean, mean) - dot(other, other)) / 2 - nearest;
      return [{ direction, least: Math.max(middle, leastWithin({ mean, variances, limit }, direction)) }];
    });
    return { mean, variances, limit, pairs };
  });
}

/** Returns the least a z of all z that pass the latent test. */
export function leastWithin({ mean, variances, limit }: Omit<Acceptance, 'pairs'>, direction: readonly number[]): number {
  const spread = direction.reduce((sum, value, j) => sum + value * value * (variances[j] as number), 0);
  return dot(direction, mean) - Math.sqrt(limit * spread);
}

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
};

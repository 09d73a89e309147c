import type { Covariances, Screening } from './screening-schema.ts';

/*
 * Strict mode: no two images within the guarantee's radius of each other are accepted as different classes.
 *
 * The rival margin of an image x with label y is the largest share of the way from mu_y to another mean mu_t,
 * (1 + z_t(x') - z_y(x')) / 2 with one-hot means, that any x' within the radius of x can reach; by interval bounds (Gowal et al., Scalable
 * verified training for provably robust image classification, ICCV 2019, with the last layer elided) it is bounded from above. If x' is
 * accepted as t, its latent lies within sqrt(tau_t) of mu_t by Mahalanobis, so its share is at least 1 - sqrt(tau_t V_t) / 2, where V_t is
 * the largest variance of z_t - z_s, and at least 1/2, as t is the nearest mean. If every image that is accepted has a rival margin below that for every t, x and x' cannot both be
 * accepted as different classes: that x is accepted as y says that no x' within its radius is as near to mu_t as x' must be.
 *
 * The rounding of the layers, in x' and in the bounds, is part of the rival margin (`shared/decision/interval-rounding.ts`).
 */

/** Covers the rounding of the distance, at most (d + 10) / 2^24 of it, and of the margin's last sum; any latent below 1,000 dimensions. */
const ROUNDING = 1e-4;
/** Share of the way at which another mean is as near as the label's own. */
const HALF_WAY = 0.5;

/** Returns the smallest rival margin, of any label, that an image accepted as a class can have, per class: 1 - sqrt(tau V) / 2, or 1/2. */
export function leastAcceptedMargins(maxLatentDistance: readonly number[], covariances: Covariances): number[] {
  const variances = contrastVariances(covariances);
  return maxLatentDistance.map((tau, t) => leastMargin(tau, variances[t] as number));
}

/** Returns the largest threshold of the latent distance, per class, with which `maxRivalMargin` keeps the guarantee; infinite for any. */
export function latentCaps(maxRivalMargin: number, covariances: Covariances): number[] {
  const reach = maxRivalMargin <= HALF_WAY - ROUNDING ? Infinity : Math.max(0, 1 - ROUNDING - maxRivalMargin);
  // A hair less, so that the inverse does not round the other way.
  return contrastVariances(covariances).map((variance) => ((1 - 1e-9) * (2 * reach) ** 2) / variance);
}

/** Returns the largest threshold of the rival margin that goes with a latent distance. @param variance of `contrastVariances` */
export function largestMarginFor(latentDistance: number, variance: number): number {
  return leastMargin(latentDistance, variance) - ROUNDING;
}

const leastMargin = (tau: number, variance: number) => Math.max(HALF_WAY, 1 - Math.sqrt(tau * variance) / 2);

/**
 * Returns the threshold of the rival margin for an image that was reclassified. Its latent says nothing about the latents nearby, so its
 * class must be the nearest everywhere within the radius: then it is that of all such images, accepted or reclassified.
 */
export function reclassifiedMargin(maxRivalMargin: number): number {
  return Math.min(maxRivalMargin, HALF_WAY - ROUNDING);
}

/** Returns why a bundle's thresholds do not keep its guarantee, or undefined. */
export function guaranteeProblem(
  bundle: Pick<Screening, 'guarantee' | 'thresholds' | 'covariances' | 'means' | 'classes'>,
): string | undefined {
  const { guarantee, thresholds, covariances, means, classes } = bundle;
  const { maxRivalMargin, maxLatentDistance } = thresholds;
  if (!guarantee) return maxRivalMargin && 'thresholds.maxRivalMargin belongs to a guarantee, which is missing';
  if (!maxRivalMargin) return 'guarantee needs thresholds.maxRivalMargin, which is missing';
  if (covariances.kind === 'full') return 'guarantee needs spherical or diagonal covariances';
  if (!means.every((mean, y) => mean.every((value, i) => value === (i === y ? 1 : 0)))) return 'guarantee needs one-hot means';
  const least = leastAcceptedMargins(maxLatentDistance, covariances);
  const t = least.findIndex((margin) => !(margin - ROUNDING >= Math.max(...maxRivalMargin)));
  if (t < 0) return undefined;
  return (
    `the thresholds do not keep the guarantee: an image that is accepted as ${classes[t]} may have a rival margin of ${least[t]}, ` +
    `and thresholds.maxRivalMargin is up to ${Math.max(...maxRivalMargin)}`
  );
}

/** Returns the largest variance of z_t - z_s over the other classes s, per class t. @throws RangeError for full covariances */
export function contrastVariances({ kind, values }: Covariances): number[] {
  if (kind === 'spherical') return values.map((variance) => 2 * variance);
  if (kind === 'full') throw new RangeError('strict mode needs spherical or diagonal covariances, not full ones');
  const classes = values.length;
  return values.map((row, t) => (row[t] as number) + Math.max(...row.slice(0, classes).filter((_, s) => s !== t)));
}

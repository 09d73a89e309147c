import jstat from 'jstat';
import type { Thresholds } from '../bundle/screening-schema.ts';
import { quantile } from './order-statistic.ts';

/** Share of a normal distribution within three standard deviations. */
export const THREE_SIGMA = 0.9973002039367398;

/** Returns the chi-square critical value, which a squared Mahalanobis distance in d dimensions exceeds with probability 1 - `coverage`. */
export function chiSquareCritical(coverage: number, dimensions: number): number {
  return jstat.jStat.chisquare.inv(coverage, dimensions);
}

/**
 * Returns the paper's thresholds (section 3.1): the chi-square critical value for the latent distance, and the same quantile of the
 * class's reconstruction errors. They give no guarantee.
 *
 * @param errorsByClass reconstruction errors of clean images by predicted class
 * @param allErrors used for a class that has none
 */
export function threeSigmaThresholds(
  errorsByClass: readonly (readonly number[])[],
  allErrors: readonly number[],
  latentDim: number,
  coverage = THREE_SIGMA,
): Thresholds {
  const critical = chiSquareCritical(coverage, latentDim);
  return {
    maxLatentDistance: errorsByClass.map(() => critical),
    maxReconstructionError: errorsByClass.map((errors) => quantile(errors.length > 0 ? errors : allErrors, coverage)),
  };
}

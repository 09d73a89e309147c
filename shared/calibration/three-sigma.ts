import jstat from 'jstat';
import type { Thresholds } from '../bundle/screening-schema.ts';
import { quantile } from './order-statistic.ts';

/** Share of a normal distribution within three standard deviations. */
export const THREE_SIGMA = 0.9973002039367398;

/** The chi-square critical value: a squared Mahalanobis distance in d dimensions is at most this with probability `coverage`. */
export function chiSquareCritical(coverage: number, dimensions: number): number {
  return jstat.jStat.chisquare.inv(coverage, dimensions);
}

/**
 * The paper's thresholds (section 3.1): the chi-square critical value for the latent distance, the same quantile of the
 * reconstruction errors of the class for the other. They promise nothing.
 *
 * @param errorsByClass reconstruction errors of clean images by predicted class
 * @param fallbackErrors those of all classes, for a class that has none
 */
export function threeSigmaThresholds(
  errorsByClass: readonly (readonly number[])[],
  fallbackErrors: readonly number[],
  latentDim: number,
  coverage = THREE_SIGMA,
): Thresholds {
  const critical = chiSquareCritical(coverage, latentDim);
  return {
    maxLatentDistance: errorsByClass.map(() => critical),
    maxReconstructionError: errorsByClass.map((errors) => quantile(errors.length > 0 ? errors : fallbackErrors, coverage)),
  };
}

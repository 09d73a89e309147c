import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import type { Outcome } from '../outcome.ts';

/** Each score in proportion to the threshold of its label: beyond 1 its test rejects. A score that is no number is beyond all. */
export interface ThresholdRatios {
  latent: number;
  reconstruction: number;
  /** the largest of all tests: accepted where it is at most 1 */
  joint: number;
}

export function thresholdRatios(outcome: Outcome, thresholds: Thresholds): ThresholdRatios {
  const { maxLatentDistance, maxReconstructionError, maxRelativeError } = thresholds;
  const ratio = (score: number | null, limits: readonly number[]) => {
    const limit = limits[outcome.label];
    if (score === null || limit === undefined) return Number.POSITIVE_INFINITY;
    return score <= limit && limit === 0 ? 1 : Math.max(0, score) / limit;
  };
  const latent = ratio(outcome.latentDistance, maxLatentDistance);
  const reconstruction = ratio(outcome.reconstructionError, maxReconstructionError);
  const relative = maxRelativeError ? ratio(outcome.relativeError, maxRelativeError) : 0;
  return { latent, reconstruction, joint: Math.max(latent, reconstruction, relative) };
}

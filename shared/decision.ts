import type { Scores } from './scores.ts';
import type { Thresholds } from './screening-schema.ts';

export type Reason = 'latent-distance' | 'reconstruction-error' | 'relative-error' | 'not-finite' | 'unknown-label';

export type Decision = { accepted: true } | { accepted: false; reason: Reason };

/**
 * The selective decision (paper, section 3.1): accepted only if no score exceeds its threshold for the predicted class; the
 * latent test comes first, then the reconstruction test, then the relative error where the bundle uses it.
 *
 * Fails closed: a score that is not a finite number >= 0 (beyond rounding), a label that is no class, a threshold that is
 * not there or not finite: each is a rejection.
 */
export function decide(scores: Scores, thresholds: Thresholds): Decision {
  const { label } = scores;
  const reject = (reason: Reason): Decision => ({ accepted: false, reason });
  const maxLatentDistance = thresholds.maxLatentDistance[label];
  const maxReconstructionError = thresholds.maxReconstructionError[label];
  if (!Number.isInteger(label) || maxLatentDistance === undefined || maxReconstructionError === undefined) return reject('unknown-label');
  for (const score of [scores.latentDistance, scores.reconstructionError]) if (!isScore(score)) return reject('not-finite');
  for (const threshold of [maxLatentDistance, maxReconstructionError]) if (!Number.isFinite(threshold)) return reject('not-finite');
  if (!(scores.latentDistance <= maxLatentDistance)) return reject('latent-distance');
  if (!(scores.reconstructionError <= maxReconstructionError)) return reject('reconstruction-error');
  if (thresholds.maxRelativeError) {
    const maxRelativeError = thresholds.maxRelativeError[label];
    if (!isScore(scores.relativeError) || maxRelativeError === undefined || !Number.isFinite(maxRelativeError)) return reject('not-finite');
    if (!(scores.relativeError <= maxRelativeError)) return reject('relative-error');
  }
  return { accepted: true };
}

/**
 * What the search of Eq. 9 makes of a rejected image: its label where the found latent passes the same tests
 * (paper, section 3.2), otherwise rejected still.
 *
 * @param keepAll take the label whatever its scores, as long as they are finite, for those who never expect nonsense
 */
export function decideReclassified(scores: Scores, thresholds: Thresholds, keepAll: boolean): Decision {
  const decision = decide(scores, thresholds);
  if (decision.accepted || !keepAll) return decision;
  return decision.reason === 'unknown-label' || decision.reason === 'not-finite' ? decision : { accepted: true };
}

/** Zero up to the rounding of float32 sums, or more. */
function isScore(value: number): boolean {
  return Number.isFinite(value) && value >= -1e-3;
}

/**
 * Share of clean images of this class whose score is at least this one, read off the bundle's quantile table.
 *
 * @param levels ascending, in [0, 1]
 * @param quantiles the quantile at each level, ascending
 * @returns in [0, 1]; 0 beyond the largest quantile
 */
export function pValue(score: number, levels: readonly number[], quantiles: readonly number[]): number {
  const above = quantiles.findIndex((quantile) => quantile >= score);
  if (!(score >= 0) || above < 0) return 0;
  if (above === 0) return 1 - (levels[0] as number);
  const [low, high] = [quantiles[above - 1] as number, quantiles[above] as number];
  const share = high > low ? (score - low) / (high - low) : 1;
  return 1 - ((levels[above - 1] as number) + share * ((levels[above] as number) - (levels[above - 1] as number)));
}

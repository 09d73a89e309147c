import type { Thresholds } from '../bundle/screening-schema.ts';
import type { Scores } from './scores.ts';

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

/** `ambiguous`: another class explains the image nearly as well. */
export type ReclassifyDecision = { accepted: true } | { accepted: false; reason: Reason | 'ambiguous' };

/** How a found latent is taken. */
export interface ReclassifyRule {
  /** Take the label whatever its scores, as long as they are finite, for those who never expect nonsense. */
  keepAll: boolean;
  /** How many times the winner's error the best latent of another class must have; 1 for the paper's rule. */
  minMargin: number;
}

/**
 * Of what models/mnist finds for FGSM digits (epsilon .12 and .18) it keeps five of six right answers and one of ten wrong ones, of images
 * that are no digit a third: those are explained about as well by several.
 */
export const DEFAULT_MIN_MARGIN = 1.1;

/**
 * What the search of Eq. 9 makes of a rejected image: its label where the found latent passes the same tests
 * (paper, section 3.2) and, beyond the paper, no other class explains the image nearly as well; otherwise rejected still. A search that
 * does not say how well another class does has no margin.
 */
export function decideReclassified(scores: Scores, thresholds: Thresholds, { keepAll, minMargin }: ReclassifyRule): ReclassifyDecision {
  const decision = decide(scores, thresholds);
  if (keepAll)
    return decision.accepted || (decision.reason !== 'unknown-label' && decision.reason !== 'not-finite') ? { accepted: true } : decision;
  if (!decision.accepted || minMargin <= 1) return decision;
  const { runnerUpError = Number.NaN, reconstructionError } = scores;
  return runnerUpError >= minMargin * reconstructionError ? decision : { accepted: false, reason: 'ambiguous' };
}

/** Returns true if a value can be a score: finite, and 0 or more up to the rounding of float32 sums. */
export function isScore(value: number): boolean {
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

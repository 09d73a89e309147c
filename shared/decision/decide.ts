import { reclassifiedMargin } from '../bundle/guarantee.ts';
import type { Screening, Thresholds } from '../bundle/screening-schema.ts';
import { limitsOf, SCORES, type ScoreReason } from '../score-table.ts';
import type { Scores } from './scores.ts';

export type Reason = ScoreReason | 'not-finite' | 'unknown-label';

export type Decision = { accepted: true } | { accepted: false; reason: Reason };

/**
 * Makes the selective decision (paper, section 3.1): accepts only if no score exceeds its threshold for the predicted class. Tests the
 * scores for which the bundle has thresholds, in the order of the table.
 *
 * Fails closed: rejects a score that is not a finite number >= 0 (beyond rounding), a label that is not a class, and a threshold that
 * is missing or not finite.
 */
export function decide(scores: Scores, thresholds: Thresholds): Decision {
  const { label } = scores;
  const reject = (reason: Reason): Decision => ({ accepted: false, reason });
  const limits = limitsOf(thresholds, label);
  if (!Number.isInteger(label) || limits.some(({ limit }) => limit === undefined)) return reject('unknown-label');
  const tests = limits.map(({ name, limit = Number.NaN }) => ({ name, limit, score: scores[name] ?? Number.NaN }));
  if (!tests.every(({ score, limit }) => isScore(score) && Number.isFinite(limit))) return reject('not-finite');
  const exceeded = tests.find(({ score, limit }) => !(score <= limit));
  return exceeded ? reject(SCORES[exceeded.name].reason) : { accepted: true };
}

/** `ambiguous`: another class explains the image nearly as well. */
export type ReclassifyDecision = { accepted: true } | { accepted: false; reason: Reason | 'ambiguous' };

/** Rule by which the result of a search is accepted. */
export interface ReclassifyRule {
  /** Accept the label whatever its scores, as long as they are finite, for applications without nonsense. */
  keepAll: boolean;
  /** Smallest ratio of the runner-up's error to the winner's; 0 for the paper's rule. */
  minMargin: number;
}

/**
 * On models/mnist, searched with the prior, a margin of 1.1 rightly takes 2 in 3 rejected FGSM digits of the validation images and 1 in 14
 * of unknown ones (docs/performance.md).
 */
export const DEFAULT_MIN_MARGIN = 1.1;

/**
 * Decides on the result of the search of Eq. 9 for a rejected image: accepts its label if the latent that was found passes the same
 * tests (paper, section 3.2) and, beyond the paper, no other class explains the image nearly as well. Scores without the error of
 * another class have a margin of 1. In strict mode the rival margin must be below one half too (`reclassifiedMargin`), so the guarantee covers
 * reclassified images, unless `keepAll` waives all tests.
 */
export function decideReclassified(scores: Scores, thresholds: Thresholds, { keepAll, minMargin }: ReclassifyRule): ReclassifyDecision {
  const { maxRivalMargin } = thresholds;
  const strict = maxRivalMargin ? { ...thresholds, maxRivalMargin: maxRivalMargin.map(reclassifiedMargin) } : thresholds;
  const decision = decide(scores, strict);
  if (keepAll)
    return decision.accepted || (decision.reason !== 'unknown-label' && decision.reason !== 'not-finite') ? { accepted: true } : decision;
  if (!decision.accepted || minMargin === 0) return decision;
  const { runnerUpError, reconstructionError } = scores;
  const isClear = runnerUpError === undefined ? minMargin <= 1 : runnerUpError >= minMargin * reconstructionError;
  return isClear ? decision : { accepted: false, reason: 'ambiguous' };
}

/**
 * Says why a margin is too small for the search of a bundle; returns null if it is not. The paper's search finds the class that explains an
 * image best, so its margin is never below 1, and 1 asks for nothing. The prior holds the latent of any image near some mean, where it passes
 * the latent test; what tells unknown images is then only that another class explains them as well once twice the prior is taken off its
 * error. So the margin must be above 1.
 *
 * @param search `provenance.search` of the bundle; undefined in bundles of older exports, whose search is the paper's
 */
export function marginProblem(minMargin: number, search: Screening['provenance']['search']): string | null {
  if (minMargin > 1 || !search?.priorWeight) return null;
  return (
    `is ${minMargin}, but the search of this bundle weighs the mixture's prior, with which nearly every unknown image passes the other tests. ` +
    `Allowed are numbers above 1 (default: ${DEFAULT_MIN_MARGIN})`
  );
}

/** Returns true if a value can be a score: finite, and 0 or more up to the rounding of float32 sums. */
export function isScore(value: number): boolean {
  return Number.isFinite(value) && value >= -1e-3;
}

/**
 * Returns the share of clean images of this class whose score is at least this one, from the bundle's quantile table.
 *
 * @param levels ascending, in [0, 1]
 * @param quantiles the quantile at each level, ascending
 * @returns in [0, 1]; 0 beyond the largest quantile
 */
export function pValue(score: number, levels: readonly number[], quantiles: readonly number[]): number {
  const above = quantiles.findIndex((quantile) => quantile >= score);
  if (!(score >= 0) || above < 0) return 0;
  if (above === 0) return 1 - (levels[0] as number);
  // low < score <= high
  const [low, high] = [quantiles[above - 1] as number, quantiles[above] as number];
  const share = (score - low) / (high - low);
  return 1 - ((levels[above - 1] as number) + share * ((levels[above] as number) - (levels[above - 1] as number)));
}

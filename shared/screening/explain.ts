import type { Screening } from '../bundle/screening-schema.ts';
import { type Decision, pValue, type Reason } from '../decision/decide.ts';
import type { Scores } from '../decision/scores.ts';
import { limitsOf, type OptionalScore, type RequiredScore, SCORE_NAMES, type ScoreName } from '../score-table.ts';

/** A value for each score that the model computes. */
type PerScore<T, Untested = T> = Record<RequiredScore, T> & { [name in OptionalScore]?: Untested };

/** The reasons for a decision in numbers. */
export interface Reasons {
  /** null: accepted. */
  reason: Reason | null;
  /** The class whose mean is nearest. */
  nearest: string;
  /** The scores that the model computes; null: not a finite number. */
  scores: PerScore<number | null>;
  /** The threshold of each of these scores for the nearest class; null: the model does not test it. */
  thresholds: PerScore<number, number | null>;
  /** The share of clean images of the nearest class whose score is at least this one. */
  pValues: PerScore<number>;
}

/** Explains a decision by its scores, the thresholds of the nearest class and the scores of clean images. */
export function reasonsOf({ scores, decision }: { scores: Scores; decision: Decision }, screening: Screening): Reasons {
  const { label } = scores;
  const { levels, ...quantiles } = screening.calibration.quantiles;
  const limits = new Map(limitsOf(screening.thresholds, label).map(({ name, limit = 0 }) => [name, limit]));
  const computed = SCORE_NAMES.flatMap((name) => (scores[name] === undefined ? [] : [{ name, score: scores[name] }]));
  const entries = <T>(value: (score: number, name: ScoreName) => T) =>
    Object.fromEntries(computed.map(({ name, score }) => [name, value(score, name)])) as Record<RequiredScore, T>;
  return {
    reason: decision.accepted ? null : decision.reason,
    nearest: screening.classes[label] ?? '',
    scores: entries((score) => (Number.isFinite(score) ? score : null)),
    thresholds: entries((_, name) => limits.get(name) ?? null) as Reasons['thresholds'],
    pValues: entries((score, name) => quantiles[name] && pValue(score, levels, quantiles[name][label] ?? [])) as Reasons['pValues'],
  };
}

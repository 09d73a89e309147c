import type { Oracle } from '../../attacks/attack.ts';
import type { Screener } from '../../node/bundle/graphs.ts';
import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import { limitsOf, SCORE_NAMES, type ScoreName } from '../../shared/score-table.ts';

/**
 * Makes an oracle of screen.onnx.
 *
 * @param feedback `scores`: what the scope `explain` sees; `verdicts`: what everyone sees
 */
export function graphOracle({ screen, screening }: Screener, feedback: 'scores' | 'verdicts'): Oracle {
  return async (images) =>
    (await screen(images)).map(({ scores, decision: { accepted } }) => ({
      accepted,
      label: accepted || feedback === 'scores' ? scores.label : null,
      logRatios: feedback === 'scores' ? logRatiosOf(scores, thresholdsAt(screening.thresholds, scores.label)) : null,
    }));
}

type PerScore = { readonly [name in ScoreName]?: number | null | undefined };

const thresholdsAt = (thresholds: Thresholds, label: number): PerScore =>
  Object.fromEntries(limitsOf(thresholds, label).map(({ name, limit }) => [name, limit]));

/**
 * Calculates log(score / threshold) of each test that the bundle has; a score that is not a number is beyond any threshold.
 *
 * @param limits the thresholds of one class; null or absent where the score is not tested
 */
export function logRatiosOf(scores: PerScore, limits: PerScore): number[] {
  return SCORE_NAMES.flatMap((name) => {
    const [score = null, limit = null] = [scores[name], limits[name]];
    if (limit === null) return [];
    return [score === null || !Number.isFinite(score) ? Number.MAX_VALUE : Math.log((score + 1e-12) / limit)];
  });
}

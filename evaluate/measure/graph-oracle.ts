import type { Oracle } from '../../attacks/attack.ts';
import type { Screener } from '../../node/bundle/graphs.ts';
import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import type { Scores } from '../../shared/decision/scores.ts';

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
      logRatios: feedback === 'scores' ? logRatiosOf(scores, limitsOf(screening.thresholds, scores.label)) : null,
    }));
}

/** The thresholds of one class. */
export type Limits = Pick<Scores, 'latentDistance' | 'reconstructionError'> & { relativeError: number | null };

const limitsOf = ({ maxLatentDistance, maxReconstructionError, maxRelativeError }: Thresholds, label: number): Limits => ({
  latentDistance: maxLatentDistance[label] as number,
  reconstructionError: maxReconstructionError[label] as number,
  relativeError: maxRelativeError ? (maxRelativeError[label] as number) : null,
});

/** Calculates log(score / threshold) of each test that the bundle has; a score that is not a number is beyond any threshold. */
export function logRatiosOf(scores: { [test in keyof Limits]: number | null }, limits: Limits): number[] {
  return (['latentDistance', 'reconstructionError', 'relativeError'] as const).flatMap((test) => {
    const [score, limit] = [scores[test], limits[test]];
    if (limit === null) return [];
    return [score === null || !Number.isFinite(score) ? Number.MAX_VALUE : Math.log((score + 1e-12) / limit)];
  });
}

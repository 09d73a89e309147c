import { NORMS } from '../../attacks/ball.ts';
import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import { accepted, misclassified, type Outcome } from '../outcome.ts';
import { isClean, type MeasuredPart } from './measured-parts.ts';
import type { Scatter } from './report-schema.ts';
import { thresholdRatios } from './threshold-ratios.ts';

/** Points of a cloud at most, evenly taken. */
const MOST = 400;
/** Logarithms are drawn within these. */
const EDGE = 6;

/** Scores of clean and of attacked images, per norm, as logarithms of their ratio to the thresholds of their label. */
export function scatterOf(parts: readonly MeasuredPart[], thresholds: Thresholds): Scatter[] {
  const clean = parts.filter(isClean).sort((a, b) => b.outcomes.length - a.outcomes.length)[0];
  const clouds = [
    { norm: null, outcomes: clean?.outcomes ?? [] },
    ...NORMS.map((norm) => ({ norm, outcomes: parts.filter((part) => part.norm === norm).flatMap(attacked) })),
  ];
  return clouds
    .filter(({ outcomes }) => outcomes.length > 0)
    .map(({ norm, outcomes }) => {
      const every = Math.ceil(outcomes.length / MOST);
      return { norm, points: outcomes.filter((_, i) => i % every === 0).map((outcome) => pointOf(outcome, thresholds)) };
    });
}

/** Without those where nothing was found, which are clean images. */
const attacked = ({ outcomes }: MeasuredPart) => outcomes.filter(({ radius }) => radius !== null && radius > 0);

function pointOf(outcome: Outcome, thresholds: Thresholds): Scatter['points'][number] {
  const { latent, reconstruction } = thresholdRatios(outcome, thresholds);
  const logarithm = (ratio: number) => Number(Math.max(-EDGE, Math.min(EDGE, Math.log(ratio))).toFixed(4));
  const verdict = !accepted(outcome) ? 'rejected' : misclassified(outcome) ? 'wrong' : 'right';
  return { latent: logarithm(latent), reconstruction: logarithm(reconstruction), verdict };
}

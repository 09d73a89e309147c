import { NORMS } from '../../attacks/steps/projection.ts';
import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import { rate } from '../../shared/rate.ts';
import { limitsOf } from '../../shared/score-table.ts';
import { accepted, misclassified, type Outcome, undetected } from '../measure/outcome.ts';
import { isClean, type MeasuredPart } from './measured-parts.ts';
import type { RiskCoverage, Scatter } from './report-schema.ts';

/** Most points of a scatter plot, taken at even distances. */
const MOST_POINTS = 400;
/** Logarithms are clipped to this distance from 0. */
const LARGEST_LOGARITHM = 6;
/** Number of points in a risk-coverage curve, about. */
const CURVE_POINTS = 200;

/** Each score divided by the threshold of its label: above 1 the test rejects. A score that is not a number counts as infinite. */
interface ThresholdRatios {
  latent: number;
  reconstruction: number;
  /** The largest ratio of all tests: the image is accepted where it is at most 1. */
  joint: number;
}

function thresholdRatios(outcome: Outcome, thresholds: Thresholds): ThresholdRatios {
  const ratios = limitsOf(thresholds, outcome.label).map(({ name, limit }) => {
    const score = outcome[name] ?? null;
    if (score === null || limit === undefined) return Number.POSITIVE_INFINITY;
    return score <= limit && limit === 0 ? 1 : Math.max(0, score) / limit;
  });
  // The first two are those that every bundle tests.
  const [latent, reconstruction] = ratios as [number, number];
  return { latent, reconstruction, joint: Math.max(...ratios) };
}

/** The clean images of the protocol that has most of them. */
const cleanPart = (parts: readonly MeasuredPart[]) => parts.filter(isClean).sort((a, b) => b.outcomes.length - a.outcomes.length)[0];

/** Returns the scores of clean images, and of attacked ones per norm, as logarithms of score / threshold. */
export function scatterOf(parts: readonly MeasuredPart[], thresholds: Thresholds): Scatter[] {
  // An outcome without a perturbation is a clean image.
  const attacked = ({ outcomes }: MeasuredPart) => outcomes.filter(({ radius }) => radius !== null && radius > 0);
  const clouds = [
    { norm: null, outcomes: cleanPart(parts)?.outcomes ?? [] },
    ...NORMS.map((norm) => ({ norm, outcomes: parts.filter((part) => part.norm === norm).flatMap(attacked) })),
  ];
  return clouds
    .filter(({ outcomes }) => outcomes.length > 0)
    .map(({ norm, outcomes }) => {
      const every = Math.ceil(outcomes.length / MOST_POINTS);
      return { norm, points: outcomes.filter((_, i) => i % every === 0).map((outcome) => pointOf(outcome, thresholds)) };
    });
}

function pointOf(outcome: Outcome, thresholds: Thresholds): Scatter['points'][number] {
  const { latent, reconstruction } = thresholdRatios(outcome, thresholds);
  const logarithm = (ratio: number) => Number(Math.max(-LARGEST_LOGARITHM, Math.min(LARGEST_LOGARITHM, Math.log(ratio))).toFixed(4));
  const verdict = !accepted(outcome) ? 'rejected' : misclassified(outcome) ? 'wrong' : 'right';
  return { latent: logarithm(latent), reconstruction: logarithm(reconstruction), verdict };
}

/**
 * Returns how many clean images would be wrong if only those with the smallest joint scores were accepted, for each number of them.
 *
 * @returns null where there are no clean images
 */
export function riskCoverageOf(parts: readonly MeasuredPart[], thresholds: Thresholds): RiskCoverage | null {
  const clean = cleanPart(parts);
  if (!clean || clean.outcomes.length === 0) return null;
  const sorted = clean.outcomes
    .map((outcome) => ({ wrong: misclassified(outcome), jointScore: thresholdRatios(outcome, thresholds).joint }))
    .sort((a, b) => a.jointScore - b.jointScore);
  let wrong = 0;
  const every = Math.ceil(sorted.length / CURVE_POINTS);
  const points = sorted.flatMap((image, i) => {
    if (image.wrong) wrong++;
    const taken = i + 1;
    // Images with the same score are accepted together.
    if (sorted[taken]?.jointScore === image.jointScore || !Number.isFinite(image.jointScore)) return [];
    if (taken % every !== 0 && taken !== sorted.length) return [];
    return [{ jointScore: image.jointScore, coverage: taken / sorted.length, risk: wrong / taken }];
  });
  const taken = clean.outcomes.filter(accepted);
  return {
    ...{ protocol: clean.protocol, images: sorted.length, points },
    operating: {
      coverage: rate(taken.length, sorted.length),
      risk: rate(taken.filter(undetected).length, taken.length),
    },
  };
}

import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import { accepted, misclassified, undetected } from '../outcome.ts';
import { isClean, type MeasuredPart } from './measured-parts.ts';
import { rate } from './rate.ts';
import type { RiskCoverage } from './report-schema.ts';
import { thresholdRatios } from './threshold-ratios.ts';

/** About so many points are kept. */
const POINTS = 200;

/**
 * Of clean images: were only the surest taken, by the joint score (the largest of score / threshold), how many of those would be wrong. Null
 * without clean images; of several protocols' the most.
 */
export function riskCoverageOf(parts: readonly MeasuredPart[], thresholds: Thresholds): RiskCoverage | null {
  const clean = parts.filter(isClean).sort((a, b) => b.outcomes.length - a.outcomes.length)[0];
  if (!clean || clean.outcomes.length === 0) return null;
  const sorted = clean.outcomes
    .map((outcome) => ({ wrong: misclassified(outcome), jointScore: thresholdRatios(outcome, thresholds).joint }))
    .sort((a, b) => a.jointScore - b.jointScore);
  let wrong = 0;
  const every = Math.ceil(sorted.length / POINTS);
  const points = sorted.flatMap((image, i) => {
    if (image.wrong) wrong++;
    const taken = i + 1;
    // Images of the same score are taken together.
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

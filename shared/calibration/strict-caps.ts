import { contrastVariances, largestMarginFor, latentCaps } from '../bundle/guarantee.ts';
import type { Covariances } from '../bundle/screening-schema.ts';
import type { Scores } from '../decision/scores.ts';
import type { ThresholdCaps } from './conformal.ts';

/**
 * Chooses the thresholds of strict mode from the tune images: one of the rival margin for all classes, and the largest latent distances with
 * which it keeps the guarantee (`shared/bundle/guarantee.ts`). A larger threshold passes more margins and fewer distances. An image passes
 * both from its own margin up to the largest that goes with its distance, so the most images pass where most of these intervals overlap.
 *
 * @returns caps of both scores, per class; the rival margin's is its threshold
 * @throws RangeError where no image can pass
 */
export function strictCaps(tune: readonly Scores[], covariances: Covariances): ThresholdCaps {
  const variances = contrastVariances(covariances);
  const intervals = tune
    .map(({ rivalMargin = Number.NaN, latentDistance, label }) => ({
      from: rivalMargin,
      to: largestMarginFor(latentDistance, variances[label] as number),
    }))
    .filter(({ from, to }) => from <= to);
  if (intervals.length === 0)
    throw new RangeError(
      `strict mode would reject every image: for none of ${tune.length} tune images can it be proven that no other class is within the ` +
        'radius. Use a smaller radius, or a model that was trained with interval bounds for this one.',
    );
  const threshold = mostCovered(intervals);
  const caps = latentCaps(threshold, covariances);
  return { rivalMargin: caps.map(() => threshold), latentDistance: caps };
}

/** Returns the middle of the widest stretch that the most intervals cover. */
function mostCovered(intervals: readonly { from: number; to: number }[]): number {
  const ends = intervals.flatMap(({ from, to }) => [
    { at: from, change: 1 },
    { at: to, change: -1 },
  ]);
  ends.sort((a, b) => a.at - b.at || b.change - a.change);
  let count = 0;
  let best = { count: 0, width: 0, middle: 0 };
  for (const [i, { at, change }] of ends.entries()) {
    count += change;
    const width = (ends[i + 1]?.at ?? at) - at;
    if (count > best.count || (count === best.count && width > best.width)) best = { count, width, middle: at + width / 2 };
  }
  return best.middle;
}

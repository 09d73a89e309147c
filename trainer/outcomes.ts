import type { Thresholds } from '../shared/bundle/screening-schema.ts';
import { decide } from '../shared/decision/decide.ts';
import type { Scores } from '../shared/decision/scores.ts';

/** Counts; accepted right + accepted wrong + rejected = images. */
export interface Outcomes {
  images: number;
  acceptedRight: number;
  acceptedWrong: number;
  rejected: number;
  /** Nearest mean right, thresholds aside. */
  nearestRight: number;
}

/** @param labels the true class of each image; -1 for an image of no class, of which any acceptance is wrong */
export function outcomesOf(scores: readonly Scores[], labels: readonly number[], thresholds: Thresholds): Outcomes {
  const outcomes: Outcomes = { images: scores.length, acceptedRight: 0, acceptedWrong: 0, rejected: 0, nearestRight: 0 };
  scores.forEach((score, i) => {
    const right = score.label === labels[i];
    if (right) outcomes.nearestRight++;
    if (!decide(score, thresholds).accepted) outcomes.rejected++;
    else if (right) outcomes.acceptedRight++;
    else outcomes.acceptedWrong++;
  });
  return outcomes;
}

/** Per cent, two digits. */
export function percent(count: number, of: number): string {
  return of === 0 ? '-' : ((100 * count) / of).toFixed(2);
}

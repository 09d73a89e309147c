import { z } from 'zod';
import type { Thresholds } from '../shared/bundle/screening-schema.ts';
import { decide } from '../shared/decision/decide.ts';
import type { Scores } from '../shared/decision/scores.ts';

const count = z.int().nonnegative();

/** Counts of images; accepted right + accepted wrong + rejected = images. */
export const outcomesSchema = z.strictObject({
  images: count,
  acceptedRight: count,
  acceptedWrong: count,
  rejected: count,
  /** The nearest mean is right, whatever the thresholds say. */
  nearestRight: count,
});

export type Outcomes = z.infer<typeof outcomesSchema>;

/** A kind of unknown images, and how many of them the thresholds accept. */
export const unknownFigureSchema = z.strictObject({
  kind: z.string().min(1),
  /** Names the images in a sentence: "of … , p % would be accepted". */
  about: z.string().min(1),
  images: count,
  accepted: count,
  /** True where the training was shown images of this kind. */
  trainedOn: z.boolean(),
});

export type UnknownFigure = z.infer<typeof unknownFigureSchema>;

/**
 * Counts the outcomes of the decision.
 *
 * @param labels the true class of each image; -1 for an unknown image, for which every acceptance is wrong
 */
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

/** Counts the outcomes of each true class. */
export function outcomesByClass(scores: readonly Scores[], labels: readonly number[], thresholds: Thresholds, classes: number): Outcomes[] {
  const members = Map.groupBy(scores.keys(), (i) => labels[i] as number);
  return Array.from({ length: classes }, (_, y) => {
    const own = (members.get(y) ?? []).map((i) => scores[i] as Scores);
    return outcomesOf(own, new Array<number>(own.length).fill(y), thresholds);
  });
}

/** Formats a share in per cent with two decimals. */
export function percent(count: number, of: number): string {
  return of === 0 ? '-' : ((100 * count) / of).toFixed(2);
}

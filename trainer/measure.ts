import type { Scores } from '../shared/decision/scores.ts';
import { classCounts, type Dataset, type LabelledImages } from './data/dataset.ts';
import type { Measured } from './measured.ts';
import { outcomesByClass, outcomesOf } from './outcomes.ts';
import type { Calibrated } from './run.ts';

/** Measures a calibrated model on images whose scores are known. */
export function measure(
  split: Measured['split'],
  { scores, labels, indices }: { scores: readonly Scores[]; labels: readonly number[]; indices: readonly number[] },
  dataset: Dataset,
  { thresholds }: Pick<Calibrated, 'thresholds'>,
): Measured {
  const { train, test, classes } = dataset;
  const all = [train, test].map((images) => classCounts(images.labels, classes.length));
  const perClass = outcomesByClass(scores, labels, thresholds, classes.length);
  const images = split === 'test' ? test : train;
  return {
    ...{ split, outcomes: outcomesOf(scores, labels, thresholds) },
    perClass: perClass.map((own, y) => ({ ...own, all: all.reduce((sum, counts) => sum + (counts[y] as number), 0) })),
    reconstruction: reconstructionGain(images, indices, labels, scores),
  };
}

/**
 * Compares the reconstructions with the best that a class can do for an image without looking at it: the mean image of the others of its
 * class. Classes of one image are left out.
 *
 * @returns the mean sum of squares of both; undefined where they can't be compared
 */
export function reconstructionGain(
  images: Pick<LabelledImages, 'image'>,
  indices: readonly number[],
  labels: readonly number[],
  scores: readonly Pick<Scores, 'reconstructionError'>[],
): Measured['reconstruction'] {
  let [compared, own, classMean] = [0, 0, 0];
  for (const members of Map.groupBy(indices.keys(), (i) => labels[i] as number).values()) {
    const n = members.length;
    if (n < 2) continue;
    let squares = 0;
    let sum: Float64Array | undefined;
    for (const i of members) {
      const levels = images.image(indices[i] as number);
      sum ??= new Float64Array(levels.length);
      for (let j = 0; j < levels.length; j++) {
        const value = (levels[j] as number) / 255;
        sum[j] = (sum[j] as number) + value;
        squares += value * value;
      }
      own += (scores[i] as Scores).reconstructionError;
    }
    const ofMean = (sum as Float64Array).reduce((total, value) => total + value * value, 0) / n;
    // Leaving the image itself out of the mean makes its distance n / (n - 1) times as large.
    classMean += (n / (n - 1)) ** 2 * (squares - ofMean);
    compared += n;
  }
  return classMean > 0 ? { own: own / compared, classMean: classMean / compared } : undefined;
}

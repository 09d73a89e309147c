import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull, writeAtomically } from '../node/files/files.ts';
import { CLEAN } from '../shared/bundle/evidence-names.ts';
import { fitnessOf } from '../shared/bundle/fitness.ts';
import type { Judged } from '../shared/bundle/fitness-figures.ts';
import type { Fitness } from '../shared/bundle/fitness-schema.ts';
import { type Evidence, screeningSchema } from '../shared/bundle/screening-schema.ts';
import type { Scores } from '../shared/decision/scores.ts';
import { classCounts, type Dataset, type LabelledImages } from './data/dataset.ts';
import { outcomesByClass, outcomesOf, outcomesSchema, unknownFigureSchema } from './outcomes.ts';
import { isTrial } from './presets.ts';
import { type Calibrated, type Run, readCalibration } from './run.ts';
import type { RunConfig } from './run-config.ts';

/** Contents of `outcomes.json`: all that was measured on a split under a run's thresholds. Older runs have the outcomes alone. */
export const measuredSchema = z.strictObject({
  split: z.enum(['test', 'validation']),
  outcomes: outcomesSchema,
  /** By true class; `all` counts the images of the class in the whole data set. */
  perClass: z.array(outcomesSchema.extend({ all: z.int() })).optional(),
  reconstruction: screeningSchema.shape.reconstruction,
  /** Unknown images. */
  unknown: z.array(unknownFigureSchema).optional(),
});

export type Measured = z.infer<typeof measuredSchema>;

/** Saves what was measured of a split under the run's thresholds; it is the last thing that calibration writes. */
export async function saveMeasured(run: Run, measured: Measured): Promise<void> {
  await writeAtomically(join(run.directory, 'outcomes.json'), `${JSON.stringify(measured)}\n`);
}

/** Returns what was last measured under the run's thresholds; null where it has none. */
export async function readMeasured(run: Run): Promise<Measured | null> {
  const text = await readFile(join(run.directory, 'outcomes.json'), 'utf8').catch(() => 'null');
  return measuredSchema.safeParse(parseJsonOrNull(text)).data ?? null;
}

/** Judges whether a run's model is fit to deploy; null where it has no thresholds yet. */
export async function fitnessOfRun(run: Run): Promise<Fitness | null> {
  if (run.config.status !== 'calibrated') return null;
  return fitnessOf(judgedRun(run.config, await readCalibration(run), await readMeasured(run)));
}

/** Returns what a run's measurements say to a bundle's evidence; those on validation images say nothing. */
export function evidenceOf(measured: Measured | null): Omit<Evidence, 'id'>[] {
  if (measured?.split !== 'test') return [];
  const { outcomes, perClass, unknown = [] } = measured;
  const counts = ({ images, acceptedRight, acceptedWrong, rejected }: Measured['outcomes']) => ({
    ...{ images, acceptedRight, acceptedWrong, rejected },
  });
  return [
    {
      ...{ name: CLEAN, protocol: 'training', ...counts(outcomes), reclassified: null },
      ...(perClass ? { perClass: perClass.map((own) => ({ ...counts(own), all: own.all })) } : {}),
      about: 'the test images as they are, by the trained model before its export',
    },
    ...unknown.map(({ kind, about, images, accepted, trainedOn }) => ({
      ...{ name: kind, protocol: 'unknown', images, acceptedRight: 0, acceptedWrong: accepted, rejected: images - accepted },
      ...{ reclassified: null, about, trainedOn },
    })),
  ];
}

/** Returns what the verdict on a run's fitness is made from. */
export function judgedRun(
  { classes, preset }: RunConfig,
  { calibration }: Pick<Calibrated, 'calibration'>,
  measured: Measured | null,
): Judged {
  return {
    ...{ classes, calibration, evidence: evidenceOf(measured) },
    ...(isTrial(preset) ? { trial: true } : {}),
    ...(measured?.reconstruction ? { reconstruction: measured.reconstruction } : {}),
  };
}

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

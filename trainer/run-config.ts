import { z } from 'zod';
import { canonicalJson } from '../shared/bundle/hashes.ts';
import { guaranteeSchema, type Preprocess } from '../shared/bundle/screening-schema.ts';
import { defaultPreprocess } from '../shared/images/preprocess.ts';
import { CHOSEN_SCORES, DEFAULT_SCORES } from '../shared/score-table.ts';
import { labelsAt } from './data/dataset.ts';
import { type DataSource, dataSourceSchema, openDataset } from './data/datasets.ts';
import { splitsOf } from './data/splits.ts';
import { needsOneThreshold, type PresetName, type Training, type TrainingChoices, trainingFor, trainingSchema } from './presets.ts';

/** The options of calibration. A run's config keeps them, so that a resumed run is calibrated as it was started. */
const calibrationOptionsSchema = z.strictObject({
  method: z.enum(['conformal', 'three-sigma']),
  guarantee: z.enum(['marginal', 'per-class']),
  alpha: z.number().gt(0).lt(1),
  delta: z.number().gt(0).lt(1),
  /** `shared`: one variance, and one latent threshold, for all classes. */
  covariance: z.enum(['diagonal', 'spherical', 'full', 'shared']),
  /** Optional scores that are tested. */
  scores: z.array(z.enum(CHOSEN_SCORES)).default(DEFAULT_SCORES),
  /** Strict mode, and what it guarantees; absent where it is off. */
  strict: guaranteeSchema.optional(),
});

export type CalibrationOptions = z.infer<typeof calibrationOptionsSchema>;

export const defaultCalibration: CalibrationOptions = {
  method: 'conformal',
  guarantee: 'marginal',
  alpha: 0.015,
  delta: 0.05,
  // `diagonal` is least sensitive in the directions in which a class is often confused, so it accepts more mistakes and attacks
  // (bench/covariance.ts).
  covariance: 'spherical',
  scores: DEFAULT_SCORES,
};

/** Options of calibration of which the covariance may be left to what was trained. */
export type CalibrationChoices = Omit<CalibrationOptions, 'covariance'> & { covariance?: CalibrationOptions['covariance'] | undefined };

/**
 * Completes the options of a training's calibration. Where the pull to the means is weak, or images are attacked, all classes get one latent
 * threshold: a threshold per class would be a quantile of that class's few mistakes, far beyond the margin for some, and what is unknown or
 * attacked gets in by the loosest one (docs/unknown.md).
 */
export function calibrationAfter({ covariance, ...others }: CalibrationChoices, training: Training): CalibrationOptions {
  const usual = others.method === 'conformal' && needsOneThreshold(training) ? 'shared' : defaultCalibration.covariance;
  return { ...others, covariance: covariance ?? usual };
}

/** `runs/NAME/config.json`: everything that made the run, and how far it got. */
export const configSchema = z.strictObject({
  name: z.string(),
  portcullis: z.string(),
  ...dataSourceSchema.shape,
  classes: z.array(z.string()),
  input: z.strictObject({ height: z.int(), width: z.int(), channels: z.union([z.literal(1), z.literal(3)]) }),
  checksums: z.record(z.string(), z.string()),
  preset: z.string(),
  training: trainingSchema,
  /** Unknown images that the user named: their folder, and the hash of what is in it. */
  unknown: z.strictObject({ directory: z.string(), sha256: z.string() }).optional(),
  /** Classes are left out of a small model at the end, to measure how images like them get in. Absent, as in older runs: no. */
  leftOut: z.boolean().optional(),
  seed: z.int(),
  calibration: calibrationOptionsSchema.default(defaultCalibration),
  /** The backend's description, with its versions. Runs of older versions have no name with it. */
  backend: z.string(),
  backendName: z.string().optional(),
  /** Threads that share the work on a batch; another number of them rounds differently. */
  threads: z.int().positive().default(1),
  started: z.iso.datetime(),
  /** Plans of the training that a new number of epochs replaced, each with the whole epochs that were done by then. */
  earlierPlans: z.array(z.strictObject({ epochs: z.int(), until: z.int() })).optional(),
  /** Whole epochs done. */
  epochs: z.int(),
  /** The epoch with the smallest loss on the validation split. Its weights are in `model`; those after the last epoch are in `last`. */
  bestEpoch: z.int().default(0),
  /** `training` until the last epoch is saved, `interrupted` after Ctrl-C, `calibrated` once it has thresholds. */
  status: z.enum(['training', 'interrupted', 'trained', 'calibrated']),
});

export type RunConfig = z.infer<typeof configSchema>;

/** The part of a run's preprocessing that can be chosen. */
type OwnPreprocess = Pick<Preprocess, 'fit' | 'background' | 'polarity'>;

/** Returns how the images of a run were preprocessed. Runs of older versions, and of sets with a form of their own, do not say. */
export function ownPreprocess({ preprocess }: Pick<RunConfig, 'preprocess'>): OwnPreprocess {
  const { fit, background, polarity } = { ...defaultPreprocess, ...(preprocess as Partial<OwnPreprocess> | undefined) };
  return { fit, background, polarity };
}

/** Everything that determines a run; the backend and its threads change only the last digits. */
export interface Recipe {
  source: DataSource;
  preset: PresetName;
  /** Settings in place of the preset's. */
  choices?: TrainingChoices;
  seed: number;
  calibration: CalibrationChoices;
  /** Folder of unknown images, or null. */
  unknownDir?: string | null;
}

/**
 * Compares a run with the one that `train` would make of a recipe.
 *
 * @returns the differences, such as `training.epochs is 2, not 12`
 * @throws DataError, RangeError as `train` does
 */
export async function differencesFrom(config: RunConfig, { source, preset, choices, seed, calibration }: Recipe): Promise<string[]> {
  const dataset = await openDataset(source);
  const training = trainingFor(preset, dataset, labelsAt(dataset.train, splitsOf(dataset, seed).train), choices);
  const preprocess = ownPreprocess(dataset);
  const expected: Record<string, unknown> = {
    dataset: source.dataset,
    input: dataset.input,
    preprocess,
    preset,
    seed,
    training,
    calibration: calibrationAfter(calibration, training),
  };
  const actual: Record<string, unknown> = { ...config, preprocess: ownPreprocess(config) };
  const differences = Object.entries(expected).flatMap(([name, value]) => differencesIn(name, actual[name], value));
  if (config.earlierPlans) differences.push('it was resumed with another number of epochs');
  if (canonicalJson(config.checksums) !== canonicalJson(dataset.checksums)) differences.push('it was trained on other image files');
  return differences;
}

function differencesIn(name: string, actual: unknown, expected: unknown): string[] {
  if (canonicalJson(actual) === canonicalJson(expected)) return [];
  if (!isRecord(actual) || !isRecord(expected)) return [`${name} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`];
  const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  return [...keys].flatMap((key) => differencesIn(`${name}.${key}`, actual[key], expected[key]));
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

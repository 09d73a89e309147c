import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { recoverFolder } from '../node/files/replace-folder.ts';
import { randomFrom } from '../shared/random.ts';
import { adam } from './adam.ts';
import { type Backend, type BackendChoice, endTraining, useBackend, withSynchronousBackend } from './backend/backends.ts';
import { checkGuarantee } from './calibrate.ts';
import { calibrateRun } from './calibrate-run.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { largestBatch, trainingImages } from './data/batches.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import { openDataset } from './data/datasets.ts';
import { keepImages } from './data/kept-images.ts';
import { type Splits, splitsOf } from './data/splits.ts';
import { keepUnknown, OWN } from './data/unknown/own.ts';
import { fit, type Step } from './fit.ts';
import { openBatchGradients } from './gradient/batch-gradients.ts';
import { copyParameters, parametersOf } from './gradient/parameters.ts';
import { buildModel, type Model } from './model/build-model.ts';
import type { Outcomes } from './outcomes.ts';
import { ownUnknownOf, readOwnUnknown, unknownFolderOf, withOwn } from './own-unknown.ts';
import { keepsLastEpoch, trainingFor } from './presets.ts';
import { writeReport } from './report/page.ts';
import { scaleForBounds } from './robust/initial-weights.ts';
import {
  appendMetrics,
  createRun,
  imagesFolder,
  loadTrained,
  type Run,
  removeCalibration,
  saveEpoch,
  truncateMetrics,
  writeConfig,
} from './run.ts';
import { calibrationAfter, ownPreprocess, type Recipe, type RunConfig } from './run-config.ts';
import { readLeftOut, removeLeftOut, trainLeftOut } from './train-left-out.ts';
import { validate } from './validate.ts';

export interface TrainingOptions {
  name: string;
  /** Folder of the runs. */
  runs?: string;
  /** Folder of the data set of a run that is resumed, where it was moved. */
  dataDir?: string;
  signal?: AbortSignal;
  /** False: no `report.html` is written at the end. */
  report?: boolean;
  /** True: classes are left out of a small model at the end, and measured. By default as the run was started, which is without. */
  leftOut?: boolean;
  /** 60 by default. */
  secondsBetweenCheckpoints?: number;
  /** Called once the images are open. */
  onDataset?(dataset: Dataset): void;
  /** @param done whole epochs that the run had already */
  onStart?(run: Run, done: number, backend: Backend): void;
  onStep?(step: Step): void;
  onEpoch?(epoch: number, validationAccuracy: number): void;
  /** Called after each step of the small model. @param names of the classes that are left out */
  onLeftOut?(step: Step, names: string[]): void;
  /** Called with what could not be measured. */
  onNote?(note: string): void;
}

export interface TrainOptions extends TrainingOptions, Recipe {
  /** By default `wasm`, which needs nothing installed. */
  backend?: BackendChoice;
  /** By default one for each processor, with wasm at most 4. */
  threads?: number;
}

export interface Trained {
  run: Run;
  model: Model;
  /** Outcomes on the test split; null where training was interrupted. */
  test: Outcomes | null;
  trainingSeconds: number;
}

/**
 * Trains a model: reads the data, splits, fits, calibrates, and measures once on the test split; keeps everything in `runs/NAME`. An
 * interrupted run keeps the model of its last whole epoch, and a checkpoint from which `resumeTraining` (`resume.ts`) continues.
 *
 * @throws the signal's reason, where it is aborted before there is a run, or after its last epoch: `resumeTraining` then does the rest
 */
export async function train(options: TrainOptions): Promise<Trained> {
  const dataset = await openDataset(options.source, options.signal);
  options.signal?.throwIfAborted();
  const splits = splitsOf(dataset, options.seed);
  // Fails here rather than after the training.
  checkGuarantee(dataset, splits, options.calibration);
  const backend = await useBackend(options.backend ?? 'wasm', options.threads);
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  const training = trainingFor(options.preset, dataset, labelsAt(dataset.train, splits.train), options.choices);
  const config: RunConfig = {
    name: options.name,
    portcullis: version,
    ...options.source,
    ...(dataset.preprocess ? { preprocess: ownPreprocess(dataset) } : {}),
    classes: dataset.classes,
    input: dataset.input,
    checksums: dataset.checksums,
    preset: options.preset,
    training,
    ...(options.leftOut ? { leftOut: true } : {}),
    seed: options.seed,
    calibration: calibrationAfter(options.calibration, training),
    threads: backend.threads,
    backend: backend.description,
    backendName: backend.name,
    started: new Date().toISOString(),
    epochs: 0,
    bestEpoch: 0,
    status: 'training',
  };
  const note = (...notes: string[]) => {
    dataset.notes = [...(dataset.notes ?? []), ...notes];
  };
  const own = options.unknownDir ? await readOwnUnknown(options.unknownDir, dataset, options.signal) : null;
  if (own) {
    config.unknown = { directory: resolve(options.unknownDir as string), sha256: own.sha256 };
    config.training = withOwn(config.training, own.train.count);
    note(...own.notes);
  }
  const run = await createRun(config, splits, options.runs);
  let started = false;
  const onStep = (step: Step) => {
    started = true;
    options.onStep?.(step);
  };
  try {
    const bytes = await keepImages(imagesFolder(run), dataset, config.dataDir);
    if (own) await keepUnknown(unknownFolderOf(run), own, dataset.input);
    if (bytes !== null) note(`${(bytes / 1e6).toFixed(1)} MB of decoded images are kept in ${imagesFolder(run)}`);
    options.onDataset?.(dataset);
    return await trainRun(run, dataset, splits, { ...options, onStep }, backend);
  } catch (error) {
    // There is nothing to resume: the name stays free.
    if (!started) await rm(run.directory, { recursive: true, force: true });
    throw error;
  }
}

/** Returns the folder of a run's last checkpoint, which stays when it is finished: `resumeTraining` may train it further. */
export const checkpointOf = ({ directory }: Run) => join(directory, 'checkpoint');

/** Fits the model from the beginning or from the run's checkpoint, then finishes the run. */
export async function trainRun(run: Run, dataset: Dataset, splits: Splits, options: TrainingOptions, backend: Backend): Promise<Trained> {
  const { training, seed } = run.config;
  const [classes, { input, train }] = [dataset.classes.length, dataset];
  const own = training.outlierKinds[OWN] ? ((await ownUnknownOf(run, dataset))?.train ?? null) : null;
  const model = buildModel(training.architecture, input, seed);
  if (training.robust?.certified) scaleForBounds(model.encoder);
  const parameters = parametersOf(model);
  // The running average of the weights is what is validated and kept.
  const averaged = await withSynchronousBackend(backend, () => buildModel(training.architecture, input, seed));
  const averagedParameters = parametersOf(averaged);
  const optimizer = adam(parameters, { beta2: training.adamBeta2, averageDecay: training.averageDecay });
  const checkpoint = checkpointOf(run);
  await recoverFolder(checkpoint);
  const from = existsSync(checkpoint) ? await loadCheckpoint(checkpoint, optimizer) : null;
  await truncateMetrics(run, from?.epoch ?? 0);
  run.config.status = 'training';
  await writeConfig(run);
  await removeCalibration(run);
  await removeLeftOut(run);
  options.onStart?.(run, from?.epoch ?? 0, backend);

  const images = trainingImages(train, input, classes, splits.train, training, randomFrom(seed, 'labels'), own);
  const gradients = await openBatchGradients(model, parameters, { input, classes, training }, largestBatch(training), backend);
  let { seconds: trainingSeconds, best } = from ?? { seconds: 0, best: null };
  const fitting = fit(images, training, {
    ...{ seed, optimizer, gradients, from, plannedAt: run.config.earlierPlans?.at(-1)?.until },
    signal: options.signal,
    secondsBetweenCheckpoints: options.secondsBetweenCheckpoints ?? 60,
    onStep: async (step) => {
      options.onStep?.(step);
      // The event loop sees a signal (Ctrl-C) only when it gets a turn.
      await new Promise((resolve) => setImmediate(resolve));
    },
    onEpoch: async (epoch, losses, seconds) => {
      await copyParameters(backend, optimizer.average(), averagedParameters);
      const validation = await withSynchronousBackend(backend, () => validate(averaged, dataset, splits.validation, training));
      const isBest = best === null || training.robust !== null || keepsLastEpoch(training) || validation.loss < best.loss;
      if (isBest) best = { epoch, loss: validation.loss };
      await saveEpoch(run, averaged, epoch, isBest);
      await appendMetrics(run, { epoch, ...losses, validationLoss: validation.loss, validationAccuracy: validation.accuracy, seconds });
      options.onEpoch?.(epoch, validation.accuracy);
      return best;
    },
    onCheckpoint: async (progress) => {
      trainingSeconds = progress.seconds;
      await saveCheckpoint(checkpoint, optimizer, progress);
    },
  });
  const ended = await fitting.finally(gradients.close);
  optimizer.dispose();
  run.config.status = ended ? 'trained' : 'interrupted';
  await writeConfig(run);
  const isWhole = ended && (await leaveOut(run, dataset, splits, options, backend));
  await endTraining(backend);
  return isWhole ? finish(run, dataset, splits, options, trainingSeconds) : { run, model: averaged, test: null, trainingSeconds };
}

/** Leaves classes out of a small model, where that is wanted and was not done. @returns false where it was aborted */
export async function leaveOut(run: Run, dataset: Dataset, splits: Splits, options: TrainingOptions, backend: Backend): Promise<boolean> {
  if (!(options.leftOut ?? run.config.leftOut) || (await readLeftOut(run))) return true;
  const own = run.config.training.outlierKinds[OWN] ? ((await ownUnknownOf(run, dataset).catch(() => null))?.train ?? null) : null;
  return trainLeftOut(run, dataset, splits, backend, { ...options, own });
}

/** Sets the thresholds, measures once on the test split, and writes the report. */
export async function finish(
  run: Run,
  dataset: Dataset,
  splits: Splits,
  options: TrainingOptions,
  trainingSeconds: number,
): Promise<Trained> {
  const { model } = await loadTrained(run);
  const test = await calibrateRun(run, model, dataset, splits, run.config.calibration, 'test', options.signal);
  if (options.report !== false) await writeReport(run, dataset, options.signal);
  return { run, model, test, trainingSeconds };
}

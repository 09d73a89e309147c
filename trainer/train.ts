import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../shared/canonical-json.ts';
import { nearestMean, oneHotMeans } from '../shared/mixture.ts';
import { type Backend, type BackendChoice, useBackend, useBackendAgain } from './backend/use-backend.ts';
import { type CalibrationOptions, checkPromise } from './calibrate.ts';
import { calibrateRun } from './calibrate-run.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { DataError, type Dataset } from './data/dataset.ts';
import { type DataSource, openDataset } from './data/open-dataset.ts';
import { type Splits, splitsOf } from './data/splits.ts';
import { encodeAt } from './encode.ts';
import { fit, optimizerFor, type Step } from './fit.ts';
import { openBatchGradients } from './gradient/batch-gradients.ts';
import { buildModel, type Model } from './model/build-model.ts';
import type { Outcomes } from './outcomes.ts';
import { type PresetName, trainingFor } from './presets.ts';
import { recoverDirectory } from './replace-directory.ts';
import { writeReport } from './report/write-report.ts';
import {
  appendMetrics,
  createRun,
  keepMetrics,
  openRun,
  type Run,
  type RunConfig,
  RunError,
  readSplits,
  saveEpoch,
  sourceOf,
  writeConfig,
} from './run.ts';

interface Common {
  name: string;
  runs?: string;
  signal?: AbortSignal;
  /** Whether `report.html` is written at the end; by default it is. */
  report?: boolean;
  /** By default a minute. */
  secondsBetweenCheckpoints?: number;
  /** @param done whole epochs that the run had already */
  onStart?(run: Run, dataset: Dataset, done: number, backend: Backend): void;
  onStep?(step: Step): void;
  onEpoch?(epoch: number, validationAccuracy: number): void;
}

export interface TrainOptions extends Common {
  calibration: CalibrationOptions;
  preset: PresetName;
  epochs?: number;
  /** By default `wasm`, which needs nothing installed. */
  backend?: BackendChoice;
  /** By default 1 of the wasm backend, and as many as there are processors of the native one. */
  threads?: number;
  seed: number;
  source: DataSource;
}

export interface Trained {
  run: Run;
  model: Model;
  /** Outcomes on the test split; null where training was interrupted. */
  test: Outcomes | null;
  trainingSeconds: number;
}

/**
 * The whole offline way: read the data, split, fit, calibrate, measure once on the test split; all of it kept in `runs/NAME`.
 * An interrupted run keeps the model of its last whole epoch, and a checkpoint from which `resumeTraining` goes on.
 */
export async function train(options: TrainOptions): Promise<Trained> {
  const backend = await useBackend(options.backend ?? 'wasm', options.threads);
  const dataset = await openDataset(options.source);
  const splits = splitsOf(dataset, options.seed);
  // Not after all the training.
  checkPromise(dataset, splits, options.calibration);
  const config: RunConfig = {
    name: options.name,
    portcullis: (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version,
    ...options.source,
    classes: dataset.classes,
    input: dataset.input,
    checksums: dataset.checksums,
    preset: options.preset,
    training: trainingFor(options.preset, dataset, splits.train.length, options.epochs),
    seed: options.seed,
    calibration: options.calibration,
    threads: backend.threads,
    backend: backend.description,
    started: new Date().toISOString(),
    epochs: 0,
    status: 'training',
  };
  return fitAndCalibrate(await createRun(config, splits, options.runs), dataset, splits, options, backend);
}

/**
 * Goes on with a run that was stopped or killed, from its last checkpoint; the result is the one that it would have had.
 *
 * @throws RunError where it is trained already; BackendError where the kind of backend that it was begun with can't be had; DataError where its images are not those that it was begun with
 */
export async function resumeTraining(options: Common): Promise<Trained> {
  const run = await openRun(options.name, options.runs);
  const { config } = run;
  if (config.status === 'trained' || config.status === 'calibrated')
    throw new RunError(`run ${config.name} is ${config.status} already. pnpm calibrate sets its thresholds anew.`);
  const backend = await useBackendAgain(config.backend, config.threads);
  const dataset = await openDataset(sourceOf(config));
  if (canonicalJson(dataset.checksums) !== canonicalJson(config.checksums))
    throw new DataError(`the images of ${config.dataset} are not those that run ${config.name} was begun with. Train a new run.`);
  const splits = await readSplits(run);
  checkPromise(dataset, splits, config.calibration);
  return fitAndCalibrate(run, dataset, splits, options, backend);
}

async function fitAndCalibrate(run: Run, dataset: Dataset, splits: Splits, options: Common, backend: Backend): Promise<Trained> {
  const { training, seed } = run.config;
  const model = buildModel(training.architecture, dataset.input, seed);
  const optimizer = optimizerFor(training);
  const checkpoint = join(run.directory, 'checkpoint');
  await recoverDirectory(checkpoint);
  const from = existsSync(checkpoint) ? await loadCheckpoint(checkpoint, model, optimizer) : null;
  await keepMetrics(run, from?.epoch ?? 0);
  run.config.status = 'training';
  await writeConfig(run);
  options.onStart?.(run, dataset, from?.epoch ?? 0, backend);
  const means = oneHotMeans(dataset.classes.length, training.architecture.latentDim);
  const gradients = await openBatchGradients(model, dataset.input, training, backend.name === 'wasm' ? backend.threads : 1);
  let trainingSeconds = from?.seconds ?? 0;
  const fitting = fit(model, dataset, splits.train, training, {
    seed,
    optimizer,
    gradients,
    from,
    ...(options.signal ? { signal: options.signal } : {}),
    secondsBetweenCheckpoints: options.secondsBetweenCheckpoints ?? 60,
    onStep: async (step) => {
      options.onStep?.(step);
      // A signal (Ctrl-C) is seen only when the event loop gets a turn.
      await new Promise((resolve) => setImmediate(resolve));
    },
    onEpoch: async (epoch, losses, seconds) => {
      const accuracy = nearestAccuracy(model, dataset, splits.validation, means);
      await saveEpoch(run, model, epoch);
      await appendMetrics(run, { epoch, ...losses, validationAccuracy: accuracy, seconds });
      options.onEpoch?.(epoch, accuracy);
    },
    onCheckpoint: async (progress) => {
      trainingSeconds = progress.seconds;
      await saveCheckpoint(checkpoint, model, optimizer, progress);
    },
  });
  const done = await fitting.finally(gradients.close);
  optimizer.dispose();
  run.config.status = done ? 'trained' : 'interrupted';
  await writeConfig(run);
  if (!done) return { run, model, test: null, trainingSeconds };
  await rm(checkpoint, { recursive: true, force: true });
  const test = await calibrateRun(run, model, dataset, splits, run.config.calibration, 'test');
  if (options.report !== false) await writeReport(run, dataset);
  return { run, model, test, trainingSeconds };
}

function nearestAccuracy(model: Model, { train, input }: Dataset, indices: number[], means: number[][]): number {
  const encodings = encodeAt(model, train, indices, input, 1);
  const right = encodings.filter(({ latent }, i) => nearestMean(latent, means) === train.labels[indices[i] as number]).length;
  return right / Math.max(1, indices.length);
}

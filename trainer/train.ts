import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { recoverFolder } from '../node/files/replace-folder.ts';
import { randomFrom } from '../shared/random.ts';
import { adam } from './adam.ts';
import { type Backend, type BackendChoice, useBackend, useBackendAgain } from './backend/backends.ts';
import { copyParameters, endTraining, evaluating } from './backend/evaluation.ts';
import { useWasm } from './backend/wasm/wasm.ts';
import { type CalibrationOptions, checkPromise } from './calibrate.ts';
import { calibrateRun } from './calibrate-run.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { largestBatch, trainingImages } from './data/batches.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import { type DataSource, openDataset } from './data/datasets.ts';
import { type Splits, splitsOf } from './data/splits.ts';
import { fit, type Step } from './fit.ts';
import { openBatchGradients } from './gradient/batch-gradients.ts';
import { parametersOf } from './gradient/parameters.ts';
import { buildModel, type Model } from './model/build-model.ts';
import type { Outcomes } from './outcomes.ts';
import { type PresetName, type TrainingChoices, trainingFor } from './presets.ts';
import { writeReport } from './report/write-report.ts';
import {
  appendMetrics,
  createRun,
  keepMetrics,
  loadTrained,
  openRun,
  type Run,
  type RunConfig,
  RunError,
  readMetrics,
  readSplits,
  saveEpoch,
  writeConfig,
} from './run.ts';
import { openDatasetOf } from './run-config.ts';
import { hasOutcomes } from './run-outcomes.ts';
import { validate } from './validate.ts';

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
  /** Instead of the preset's own. */
  choices?: TrainingChoices;
  /** By default `wasm`, which needs nothing installed. */
  backend?: BackendChoice;
  /** By default as many as there are processors, on wasm at most 4. */
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
 *
 * @throws the signal's reason, where it is aborted before a run is made, or after its last epoch: `resumeTraining` then does what is left
 */
export async function train(options: TrainOptions): Promise<Trained> {
  const backend = await useBackend(options.backend ?? 'wasm', options.threads);
  const dataset = await openDataset(options.source, options.signal);
  options.signal?.throwIfAborted();
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
    training: trainingFor(options.preset, dataset, labelsAt(dataset.train, splits.train), options.choices),
    seed: options.seed,
    calibration: options.calibration,
    threads: backend.threads,
    backend: backend.description,
    started: new Date().toISOString(),
    epochs: 0,
    bestEpoch: 0,
    status: 'training',
  };
  const run = await createRun(config, splits, options.runs);
  let begun = false;
  const onStep = (step: Step) => {
    begun = true;
    options.onStep?.(step);
  };
  try {
    return await fitAndCalibrate(run, dataset, splits, { ...options, onStep }, backend);
  } catch (error) {
    // There is nothing in it to go on from: its name stays free.
    if (!begun) await rm(run.directory, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Goes on with a run that was stopped or killed, from its last checkpoint; the result is the one that it would have had. One that was
 * killed after its last epoch is calibrated, as it was begun.
 *
 * @throws RunError where it is calibrated already; BackendError where the kind of backend that it was begun with can't be had; DataError where its images are not those that it was begun with
 */
export async function resumeTraining(options: Common): Promise<Trained> {
  const run = await openRun(options.name, options.runs);
  const { config } = run;
  if (config.status === 'calibrated' && hasOutcomes(run))
    throw new RunError(`run ${config.name} is calibrated already. pnpm calibrate sets its thresholds anew.`);
  const isTrained = config.status === 'trained' || config.status === 'calibrated';
  const backend = isTrained ? null : await useBackendAgain(config.backend, config.threads);
  const dataset = await openDatasetOf(run, options.signal);
  const splits = await readSplits(run);
  checkPromise(dataset, splits, config.calibration);
  if (backend === null) {
    await useWasm();
    return finish(run, dataset, splits, options, (await readMetrics(run)).at(-1)?.seconds ?? 0);
  }
  return fitAndCalibrate(run, dataset, splits, options, backend);
}

async function fitAndCalibrate(run: Run, dataset: Dataset, splits: Splits, options: Common, backend: Backend): Promise<Trained> {
  const { training, seed } = run.config;
  const [classes, { input, train }] = [dataset.classes.length, dataset];
  const model = buildModel(training.architecture, input, seed);
  const parameters = parametersOf(model);
  // What is judged and kept has the running average of the weights.
  const kept = await evaluating(backend, () => buildModel(training.architecture, input, seed));
  const keptParameters = parametersOf(kept);
  const optimizer = adam(parameters, { beta2: training.adamBeta2, averageDecay: training.averageDecay });
  const checkpoint = join(run.directory, 'checkpoint');
  await recoverFolder(checkpoint);
  const from = existsSync(checkpoint) ? await loadCheckpoint(checkpoint, optimizer) : null;
  await keepMetrics(run, from?.epoch ?? 0);
  run.config.status = 'training';
  await writeConfig(run);
  options.onStart?.(run, dataset, from?.epoch ?? 0, backend);
  const images = trainingImages(train, input, classes, splits.train, training, randomFrom(seed, 'labels'));
  const gradients = await openBatchGradients(model, parameters, { input, classes, training }, largestBatch(training), backend);
  let trainingSeconds = from?.seconds ?? 0;
  let best = from?.best ?? null;
  const fitting = fit(images, training, {
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
      await copyParameters(backend, optimizer.average(), keptParameters);
      const validation = await evaluating(backend, () => validate(kept, dataset, splits.validation, training));
      const isBest = best === null || validation.loss < best.loss;
      if (isBest) best = { epoch, loss: validation.loss };
      await saveEpoch(run, kept, epoch, isBest);
      await appendMetrics(run, { epoch, ...losses, validationLoss: validation.loss, validationAccuracy: validation.accuracy, seconds });
      options.onEpoch?.(epoch, validation.accuracy);
      return best;
    },
    onCheckpoint: async (progress) => {
      trainingSeconds = progress.seconds;
      await saveCheckpoint(checkpoint, optimizer, progress);
    },
  });
  const done = await fitting.finally(gradients.close);
  optimizer.dispose();
  await endTraining(backend);
  run.config.status = done ? 'trained' : 'interrupted';
  await writeConfig(run);
  if (!done) return { run, model: kept, test: null, trainingSeconds };
  return finish(run, dataset, splits, options, trainingSeconds);
}

/** What follows the last epoch: thresholds, the one look at the test split, the report. */
async function finish(run: Run, dataset: Dataset, splits: Splits, options: Common, trainingSeconds: number): Promise<Trained> {
  await rm(join(run.directory, 'checkpoint'), { recursive: true, force: true });
  const { model } = await loadTrained(run);
  const test = await calibrateRun(run, model, dataset, splits, run.config.calibration, 'test', options.signal);
  if (options.report !== false) await writeReport(run, dataset, options.signal);
  return { run, model, test, trainingSeconds };
}

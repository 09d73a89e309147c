import { readFileSync } from 'node:fs';
import { nearestMean, oneHotMeans } from '../shared/mixture.ts';
import { useWasm } from './backend/wasm.ts';
import { type CalibrationOptions, checkPromise } from './calibrate.ts';
import { calibrateRun } from './calibrate-run.ts';
import type { Dataset } from './data/dataset.ts';
import { type DataSource, openDataset } from './data/open-dataset.ts';
import { splitsOf } from './data/splits.ts';
import { encodeAt } from './encode.ts';
import { fit, type Step } from './fit.ts';
import { buildModel, type Model } from './model/build-model.ts';
import type { Outcomes } from './outcomes.ts';
import { type PresetName, trainingFor } from './presets.ts';
import { appendMetrics, createRun, type Run, type RunConfig, saveEpoch, writeConfig } from './run.ts';

export interface TrainOptions {
  name: string;
  preset: PresetName;
  epochs?: number;
  seed: number;
  source: DataSource;
  calibration: CalibrationOptions;
  runs?: string;
  signal?: AbortSignal;
  onStart?(run: Run, dataset: Dataset): void;
  onStep?(step: Step): void;
  onEpoch?(epoch: number, validationAccuracy: number): void;
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
 * An interrupted run keeps the model of its last whole epoch and says so in its config.
 */
export async function train(options: TrainOptions): Promise<Trained> {
  await useWasm();
  const dataset = await openDataset(options.source);
  const splits = splitsOf(dataset, options.seed);
  // Not after all the training.
  checkPromise(dataset, splits, options.calibration);
  const training = trainingFor(options.preset, dataset, splits.train.length, options.epochs);
  const config: RunConfig = {
    name: options.name,
    portcullis: (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version,
    ...options.source,
    classes: dataset.classes,
    input: dataset.input,
    checksums: dataset.checksums,
    preset: options.preset,
    training,
    seed: options.seed,
    backend: 'tfjs-backend-wasm 4.22.0',
    started: new Date().toISOString(),
    epochs: 0,
    status: 'training',
  };
  const model = buildModel(training.architecture, dataset.input, options.seed);
  const run = await createRun(config, splits, options.runs);
  options.onStart?.(run, dataset);
  const means = oneHotMeans(dataset.classes.length, training.architecture.latentDim);
  const started = performance.now();
  let sums = { images: 0, reconstruction: 0, latent: 0, total: 0 };
  await fit(model, dataset, splits.train, training, options.seed, {
    signal: options.signal,
    onStep: async (step) => {
      for (const part of ['reconstruction', 'latent', 'total'] as const) sums[part] += step[part] * step.images;
      sums.images += step.images;
      options.onStep?.(step);
      // A signal (Ctrl-C) is seen only when the event loop gets a turn.
      await new Promise((resolve) => setImmediate(resolve));
    },
    onEpoch: async (epoch) => {
      const accuracy = nearestAccuracy(model, dataset, splits.validation, means);
      await saveEpoch(run, model, epoch);
      const mean = (part: 'reconstruction' | 'latent' | 'total') => sums[part] / sums.images;
      const seconds = (performance.now() - started) / 1000;
      const losses = { reconstruction: mean('reconstruction'), latent: mean('latent'), total: mean('total') };
      await appendMetrics(run, { epoch, ...losses, validationAccuracy: accuracy, seconds });
      sums = { images: 0, reconstruction: 0, latent: 0, total: 0 };
      options.onEpoch?.(epoch, accuracy);
    },
  });
  const trainingSeconds = (performance.now() - started) / 1000;
  run.config.status = options.signal?.aborted ? 'interrupted' : 'trained';
  await writeConfig(run);
  if (options.signal?.aborted) return { run, model, test: null, trainingSeconds };
  const test = await calibrateRun(run, model, dataset, splits, options.calibration, 'test');
  return { run, model, test, trainingSeconds };
}

function nearestAccuracy(model: Model, { train, input }: Dataset, indices: number[], means: number[][]): number {
  const encodings = encodeAt(model, train, indices, input, 1);
  const right = encodings.filter(({ latent }, i) => nearestMean(latent, means) === train.labels[indices[i] as number]).length;
  return right / Math.max(1, indices.length);
}

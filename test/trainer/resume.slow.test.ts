import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, randomFromState } from '../../shared/random.ts';
import { adam } from '../../trainer/adam.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { loadCheckpoint, type Progress, saveCheckpoint } from '../../trainer/checkpoint.ts';
import { largestBatch, trainingImages } from '../../trainer/data/batches.ts';
import { fit as fitModel } from '../../trainer/fit.ts';
import { openBatchGradients } from '../../trainer/gradient/batch-gradients.ts';
import { parametersOf } from '../../trainer/gradient/parameters.ts';
import { buildModel, type Model } from '../../trainer/model/build-model.ts';
import type { Training } from '../../trainer/presets.ts';
import { OUTLIER_LOSSES } from '../../trainer/presets.ts';
import { input, tinyArchitecture } from '../export/tiny-model.ts';
import { shrinkingRobustness, tinyDataset, tinyRobustness, tinyTraining } from './tiny-dataset.ts';

const weightsOf = ({ encoder, decoder }: Model) =>
  [encoder, decoder].flatMap((part) => part.getWeights().map((weight) => Array.from(weight.dataSync())));

let root: string;
const dataset = tinyDataset(150, 3);
const indices = Array.from({ length: 150 }, (_, i) => i);
beforeAll(async () => {
  await useWasm();
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(root, { recursive: true }));

function begin(training: Training, seed = 5) {
  const model = buildModel(training.architecture, input, seed);
  const parameters = parametersOf(model);
  return { model, parameters, optimizer: adam(parameters, { beta2: training.adamBeta2, averageDecay: training.averageDecay }) };
}

/** Trains until `stopAt` steps are done, with a checkpoint then; from the checkpoint in `directory` where there is one. */
async function run(directory: string, stopAt: number, resume: boolean, threads = 1, training = tinyTraining, plannedAt = 0) {
  const { model, parameters, optimizer } = begin(training);
  const from = resume ? await loadCheckpoint(directory, optimizer) : null;
  const images = trainingImages(dataset.train, input, 3, indices, training, randomFrom(1, 'labels'));
  const gradients = await openBatchGradients(model, parameters, { input, classes: 3, training }, largestBatch(training), {
    parts: threads,
    thread: { name: 'wasm' },
  });
  const stop = new AbortController();
  const losses: number[] = [];
  const epochs: { epoch: number; total: number }[] = [];
  await fitModel(images, training, {
    ...{ seed: 9, optimizer, gradients, from, plannedAt, signal: stop.signal, secondsBetweenCheckpoints: 1000 },
    onStep: ({ step, total }) => {
      losses.push(total);
      if (step === stopAt) stop.abort();
    },
    onEpoch: async (epoch, { total }) => {
      epochs.push({ epoch, total });
      return { epoch: 1, loss: 1 };
    },
    onCheckpoint: (progress: Progress) => saveCheckpoint(directory, optimizer, progress),
  });
  await gradients.close();
  return { weights: weightsOf(model), losses, epochs, tensors: tf.memory().numTensors };
}

describe('a training that was stopped', () => {
  let whole: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    whole = await run(join(root, 'whole'), Number.POSITIVE_INFINITY, false);
  });

  // 10 steps an epoch: in the first epoch, at its end, in the second, at the last step but one.
  it.each([1, 7, 10, 14, 20, 29])('after step %i goes on to the same bits', async (stopAt) => {
    const directory = join(root, `stopped-${stopAt}`);
    const first = await run(directory, stopAt, false);
    expect(first.losses).toEqual(whole.losses.slice(0, stopAt));
    const second = await run(directory, Number.POSITIVE_INFINITY, true);
    expect(second.losses).toEqual(whole.losses.slice(stopAt));
    expect(second.weights).toEqual(whole.weights);
    expect([...first.epochs, ...second.epochs]).toEqual(whole.epochs);
  });

  it('goes on to the same bits with several threads too, which differ from one by rounding only', async () => {
    const directory = join(root, 'threads');
    const three = await run(join(root, 'three'), Number.POSITIVE_INFINITY, false, 3);
    await run(directory, 13, false, 3);
    expect((await run(directory, Number.POSITIVE_INFINITY, true, 3)).weights).toEqual(three.weights);
    // The last batch of an epoch has 6 images; 10 steps.
    for (const [i, loss] of three.losses.slice(0, 10).entries())
      expect(Math.abs(loss / (whole.losses[i] as number) - 1)).toBeLessThan(1e-4);
    expect(three.weights).not.toEqual(whole.weights);
  });

  it.each([
    ['semi-supervised', { labelsPerClass: 10 }],
    ['variable entropy', { architecture: { ...tinyArchitecture, entropy: 'variable' as const } }],
    ['class weights, no running average', { classWeights: 'balanced' as const, averageDecay: 0 }],
    ['robust', { outlierLoss: OUTLIER_LOSSES.margin, classWeights: 'balanced' as const, robust: tinyRobustness }],
    ['robust, balls that shrink', { outlierLoss: OUTLIER_LOSSES.margin, classWeights: 'balanced' as const, robust: shrinkingRobustness }],
  ])('goes on to the same bits: %s', async (name, change) => {
    const training = { ...tinyTraining, ...change };
    const directory = join(root, name);
    const whole = await run(join(root, `${name} whole`), Number.POSITIVE_INFINITY, false, 2, training);
    const first = await run(directory, 14, false, 2, training);
    const second = await run(directory, Number.POSITIVE_INFINITY, true, 2, training);
    expect([...first.losses, ...second.losses]).toEqual(whole.losses);
    expect(second.weights).toEqual(whole.weights);
  });

  it('ends as early as the whole one, when nothing got better for so many epochs', async () => {
    const training = { ...tinyTraining, patience: 1 };
    const whole = await run(join(root, 'early'), Number.POSITIVE_INFINITY, false, 1, training);
    // The first epoch is the best of all, as told above.
    expect(whole.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect((await run(join(root, 'early'), Number.POSITIVE_INFINITY, true, 1, training)).epochs).toEqual([]);
    // Planned anew, it is patient again.
    expect((await run(join(root, 'early'), Number.POSITIVE_INFINITY, true, 1, { ...training, epochs: 9 }, 2)).epochs).toHaveLength(1);
  });

  it('does not go on from a damaged checkpoint, or that of another model', async () => {
    const directory = join(root, 'damaged');
    await run(directory, 5, false);
    const other = begin({ ...tinyTraining, architecture: { ...tinyArchitecture, dense: 13 } }).optimizer;
    await expect(loadCheckpoint(directory, other)).rejects.toThrow(/belongs to another model/);
    const state = await readFile(join(directory, 'state.json'), 'utf8');
    await writeFile(join(directory, 'state.json'), state.slice(0, -20));
    await expect(run(directory, 9, true)).rejects.toThrow(/damaged is damaged. Train again/);
    await writeFile(join(directory, 'state.json'), state);
    await truncate(join(directory, 'vectors.bin'), 4000);
    await expect(run(directory, 9, true)).rejects.toThrow(/damaged is damaged/);
    await rm(join(directory, 'vectors.bin'));
    await expect(run(directory, 9, true)).rejects.toThrow(/vectors.bin can't be read/);
  });
});

it('random numbers go on from their state', () => {
  const random = randomFrom(4, 'x');
  random.normal();
  const again = randomFromState(random.state());
  const draw = (from: typeof random) => [from.uniform(), from.normal(), from.integer(0, 1e9), ...from.shuffle([1, 2, 3, 4, 5])];
  expect(draw(again)).toEqual(draw(random));
});

it('a thread that can not be started is said, with what to do', async () => {
  const { model, parameters } = begin(tinyTraining);
  const thread = { name: 'native', settings: { binding: join(root, 'none.node'), kind: 'cpu' } };
  await expect(
    openBatchGradients(model, parameters, { input, classes: 3, training: tinyTraining }, 16, { parts: 3, thread }),
  ).rejects.toThrow(
    expect.objectContaining({
      name: 'ThreadError',
      message: 'not all of 3 threads for gradients could be started. Train with fewer, such as --threads 1.',
    }),
  );
});

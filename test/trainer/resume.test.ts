import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, randomFromState } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm.ts';
import { loadCheckpoint, type Progress, saveCheckpoint } from '../../trainer/checkpoint.ts';
import { fit as fitModel, optimizerFor } from '../../trainer/fit.ts';
import { openBatchGradients } from '../../trainer/gradient/batch-gradients.ts';
import { buildModel, type Model } from '../../trainer/model/build-model.ts';
import type { Training } from '../../trainer/presets.ts';
import { input } from '../export/tiny-model.ts';
import { tinyDataset } from './tiny-dataset.ts';

const training: Training = {
  architecture: { filters: [4, 6], dense: 12, latentDim: 4 },
  ...{ epochs: 3, batchSize: 16, learningRate: 1e-2, adamBeta2: 0.99, latentWeight: 10, encoderNoise: 1e-3, maxShift: 1 },
};

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

/** Trains until `stopAt` steps are done, with a checkpoint then; from the checkpoint in `directory` where there is one. */
async function run(directory: string, stopAt: number, resume: boolean, threads = 1) {
  const model = buildModel(training.architecture, input, 5);
  const optimizer = optimizerFor(training);
  const from = resume ? await loadCheckpoint(directory, model, optimizer) : null;
  const gradients = await openBatchGradients(model, input, training, threads);
  const stop = new AbortController();
  const losses: number[] = [];
  const epochs: { epoch: number; total: number }[] = [];
  await fitModel(model, dataset, indices, training, {
    ...{ seed: 9, optimizer, gradients, from, signal: stop.signal, secondsBetweenCheckpoints: 1000 },
    onStep: ({ step, total }) => {
      losses.push(total);
      if (step === stopAt) stop.abort();
    },
    onEpoch: async (epoch, { total }) => void epochs.push({ epoch, total }),
    onCheckpoint: (progress: Progress) => saveCheckpoint(directory, model, optimizer, progress),
  });
  await gradients.close();
  return { weights: weightsOf(model), losses, epochs };
}

describe('a training that was stopped', () => {
  // 10 steps an epoch: in the first epoch, at its end, in the second, at the last step but one.
  it.each([1, 7, 10, 14, 20, 29])('after step %i goes on to the same bits', async (stopAt) => {
    const whole = await run(join(root, 'whole'), Number.POSITIVE_INFINITY, false);
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
    const one = await run(join(root, 'one'), Number.POSITIVE_INFINITY, false);
    const whole = await run(join(root, 'three'), Number.POSITIVE_INFINITY, false, 3);
    await run(directory, 13, false, 3);
    expect((await run(directory, Number.POSITIVE_INFINITY, true, 3)).weights).toEqual(whole.weights);
    // The last batch of an epoch has 6 images; 10 steps.
    for (const [i, loss] of whole.losses.slice(0, 10).entries()) expect(Math.abs(loss / (one.losses[i] as number) - 1)).toBeLessThan(1e-4);
    expect(whole.weights).not.toEqual(one.weights);
  });

  it('does not go on from a damaged checkpoint, or that of another model', async () => {
    const directory = join(root, 'damaged');
    await run(directory, 5, false);
    const other = buildModel({ ...training.architecture, dense: 13 }, input, 5);
    await expect(loadCheckpoint(directory, other, optimizerFor(training))).rejects.toThrow(/is of another model/);
    const state = await readFile(join(directory, 'state.json'), 'utf8');
    await writeFile(join(directory, 'state.json'), state.slice(0, -20));
    await expect(run(directory, 9, true)).rejects.toThrow(/damaged is damaged. Train again/);
    await writeFile(join(directory, 'state.json'), state);
    await truncate(join(directory, 'tensors.bin'), 4000);
    await expect(run(directory, 9, true)).rejects.toThrow(/damaged is damaged/);
    await rm(join(directory, 'tensors.bin'));
    await expect(run(directory, 9, true)).rejects.toThrow(/tensors.bin can't be read/);
  });
});

it('random numbers go on from their state', () => {
  const random = randomFrom(4, 'x');
  random.normal();
  const again = randomFromState(random.state());
  const draw = (from: typeof random) => [from.uniform(), from.normal(), from.integer(0, 1e9), ...from.shuffle([1, 2, 3, 4, 5])];
  expect(draw(again)).toEqual(draw(random));
});

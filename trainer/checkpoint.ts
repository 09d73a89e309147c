import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { DataError } from './data/dataset.ts';
import { weightsOf } from './gradient/loss-gradients.ts';
import type { Model } from './model/build-model.ts';
import { parsedOrNull } from './parsed-or-null.ts';
import { rebuildDirectory, recoverDirectory } from './replace-directory.ts';

/** Where a training stands; with the weights and the optimizer it is all that is needed to go on as if it had never stopped. */
export const progressSchema = z.strictObject({
  /** Whole epochs done. */
  epoch: z.int().nonnegative(),
  /** Batches done of the next one. */
  batches: z.int().nonnegative(),
  /** Steps in all. */
  step: z.int().nonnegative(),
  /** Of the random numbers, at the beginning of the epoch. */
  random: z.array(z.int()),
  /** Of the losses since the beginning of the epoch, each weighted by its images. */
  sums: z.strictObject({ images: z.number(), reconstruction: z.number(), latent: z.number(), total: z.number() }),
  /** Of training, up to here. */
  seconds: z.number().nonnegative(),
});

export type Progress = z.infer<typeof progressSchema>;

const stateSchema = z.strictObject({
  progress: progressSchema,
  /** Running products of Adam's decays, as float32 has them. */
  decays: z.tuple([z.number(), z.number()]),
  iterations: z.int().nonnegative(),
  /** Of the tensors in tensors.bin: the weights, then first and second moments. */
  shapes: z.array(z.array(z.int().nonnegative())),
  sha256: z.string(),
});

/**
 * What tfjs's Adam keeps (4.22). Its own `setWeights` works the products of the decays out anew, which differs in the last bits
 * from the running ones; so they are put back as they were.
 */
interface AdamState {
  accumulatedFirstMoment: { originalName: string; variable: tf.Variable }[];
  accumulatedSecondMoment: { originalName: string; variable: tf.Variable }[];
  accBeta1: tf.Variable;
  accBeta2: tf.Variable;
  iterations_: number;
}

/** Writes the folder `directory`: made beside and renamed, so that a process killed at any time leaves the old one or the new one. */
export async function saveCheckpoint(directory: string, model: Model, optimizer: tf.Optimizer, progress: Progress): Promise<void> {
  const adam = optimizer as unknown as AdamState;
  const tensors = [
    ...weightsOf(model),
    ...adam.accumulatedFirstMoment.map(({ variable }) => variable),
    ...adam.accumulatedSecondMoment.map(({ variable }) => variable),
  ];
  const bytes = Buffer.concat(tensors.map((tensor) => Buffer.from((tensor.dataSync() as Float32Array).slice().buffer)));
  const decays = [adam.accBeta1, adam.accBeta2].map((value) => value.dataSync()[0]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const state = { progress, decays, iterations: adam.iterations_ ?? 0, shapes: tensors.map(({ shape }) => shape), sha256 };
  await rebuildDirectory(directory, 'state.json', async (fresh) => {
    await writeFile(join(fresh, 'tensors.bin'), bytes);
    await writeFile(join(fresh, 'state.json'), JSON.stringify(state));
  });
}

/**
 * Puts a checkpoint into a model and an optimizer that were just made.
 *
 * @returns where the training stands
 * @throws DataError where there is no whole checkpoint, or it is of another model
 */
export async function loadCheckpoint(directory: string, model: Model, optimizer: tf.Optimizer): Promise<Progress> {
  await recoverDirectory(directory);
  const read = (file: string) =>
    readFile(join(directory, file)).catch((error: Error) => {
      throw new DataError(`${join(directory, file)} can't be read (${error.message}). Train again.`);
    });
  const bytes = await read('tensors.bin');
  const state = stateSchema.safeParse(parsedOrNull((await read('state.json')).toString()));
  if (!state.success || createHash('sha256').update(bytes).digest('hex') !== state.data.sha256)
    throw new DataError(`${directory} is damaged. Train again.`);
  const { progress, decays, iterations, shapes } = state.data;
  const weights = weightsOf(model);
  const adam = optimizer as unknown as AdamState;
  const size = (shape: number[]) => shape.reduce((product, length) => product * length, 1);
  const fits = weights.every((weight, i) => weight.shape.join() === shapes[i]?.join()) && shapes.length === 3 * weights.length;
  if (!fits || bytes.length !== 4 * shapes.reduce((sum, shape) => sum + size(shape), 0))
    throw new DataError(`${directory} is of another model. Train again.`);
  let at = 0;
  const values = shapes.map((shape) => {
    const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * size(shape)));
    at += 4 * size(shape);
    return tf.tensor(data, shape);
  });
  for (const [i, weight] of weights.entries()) weight.assign(values[i] as tf.Tensor);
  const moments = (first: number) =>
    weights.map((weight, i) => ({ originalName: weight.name, variable: tf.variable(values[first + i] as tf.Tensor, false) }));
  adam.accumulatedFirstMoment = moments(weights.length);
  adam.accumulatedSecondMoment = moments(2 * weights.length);
  tf.tidy(() => {
    adam.accBeta1.assign(tf.scalar(decays[0]));
    adam.accBeta2.assign(tf.scalar(decays[1]));
  });
  adam.iterations_ = iterations;
  tf.dispose(values);
  return progress;
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull } from '../node/files/files.ts';
import { rebuildFolder, recoverFolder } from '../node/files/replace-folder.ts';
import { sha256 } from '../shared/bundle/hashes.ts';
import type { Adam } from './adam.ts';
import { DataError } from './data/dataset.ts';

/** The position of a training. With the weights and the optimizer's state it is enough to go on as if the training had never stopped. */
export const progressSchema = z.strictObject({
  /** Whole epochs done. */
  epoch: z.int().nonnegative(),
  /** Batches done in the next epoch. */
  batches: z.int().nonnegative(),
  /** Steps done in all. */
  step: z.int().nonnegative(),
  /** State of the random numbers at the beginning of the epoch. */
  random: z.array(z.int()),
  /** Sums of the losses since the beginning of the epoch, each weighted by its images. */
  sums: z.strictObject({ images: z.number(), reconstruction: z.number(), latent: z.number(), total: z.number() }),
  /** The epoch with the smallest loss on the validation split so far. */
  best: z.strictObject({ epoch: z.int().positive(), loss: z.number() }).nullable(),
  /** Time of training so far. */
  seconds: z.number().nonnegative(),
});

export type Progress = z.infer<typeof progressSchema>;

const stateSchema = z.strictObject({
  progress: progressSchema,
  /** Number of the model's parameters, which is the length of each vector in vectors.bin. */
  count: z.int().positive(),
  sha256: z.string(),
});

/** Saves a checkpoint as a folder, which is replaced as a whole: a process killed at any time leaves the old one or the new one. */
export async function saveCheckpoint(directory: string, optimizer: Adam, progress: Progress): Promise<void> {
  const vectors = await Promise.all(optimizer.state().map((vector) => vector.data<'float32'>()));
  const bytes = Buffer.concat(vectors.map((vector) => Buffer.from(vector.slice().buffer)));
  const state = { progress, count: vectors[0]?.length, sha256: await sha256(bytes) };
  await rebuildFolder(directory, 'state.json', async (fresh) => {
    await writeFile(join(fresh, 'vectors.bin'), bytes);
    await writeFile(join(fresh, 'state.json'), JSON.stringify(state));
  });
}

/**
 * Loads a checkpoint into a new optimizer and its parameters.
 *
 * @returns the position of the training
 * @throws DataError where the checkpoint is missing, damaged, or of another model
 */
export async function loadCheckpoint(directory: string, optimizer: Adam): Promise<Progress> {
  await recoverFolder(directory);
  const read = (file: string) =>
    readFile(join(directory, file)).catch((error: Error) => {
      throw new DataError(`${join(directory, file)} can't be read (${error.message}). Train again.`);
    });
  const bytes = await read('vectors.bin');
  const state = stateSchema.safeParse(parseJsonOrNull((await read('state.json')).toString()));
  if (!state.success || (await sha256(bytes)) !== state.data.sha256) throw new DataError(`${directory} is damaged. Train again.`);
  const { progress, count } = state.data;
  const now = optimizer.state();
  if (now[0]?.size !== count || bytes.length !== 4 * count * now.length)
    throw new DataError(`${directory} belongs to another model. Train again.`);
  const vectors = now.map((_, i) => {
    const from = bytes.byteOffset + 4 * count * i;
    return new Float32Array(bytes.buffer.slice(from, from + 4 * count));
  });
  optimizer.restore(vectors, progress.step);
  return progress;
}

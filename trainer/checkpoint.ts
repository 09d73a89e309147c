import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull } from '../node/files/files.ts';
import { rebuildFolder, recoverFolder } from '../node/files/replace-folder.ts';
import type { Adam } from './adam.ts';
import { DataError } from './data/dataset.ts';

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
  /** The epoch with the smallest loss on the validation split so far. */
  best: z.strictObject({ epoch: z.int().positive(), loss: z.number() }).nullable(),
  /** Of training, up to here. */
  seconds: z.number().nonnegative(),
});

export type Progress = z.infer<typeof progressSchema>;

const stateSchema = z.strictObject({
  progress: progressSchema,
  /** Of the model's parameters: so long is each vector in vectors.bin. */
  count: z.int().positive(),
  sha256: z.string(),
});

/** Writes the folder `directory`: made beside and renamed, so that a process killed at any time leaves the old one or the new one. */
export async function saveCheckpoint(directory: string, optimizer: Adam, progress: Progress): Promise<void> {
  const vectors = await Promise.all(optimizer.state().map((vector) => vector.data<'float32'>()));
  const bytes = Buffer.concat(vectors.map((vector) => Buffer.from(vector.slice().buffer)));
  const state = { progress, count: vectors[0]?.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  await rebuildFolder(directory, 'state.json', async (fresh) => {
    await writeFile(join(fresh, 'vectors.bin'), bytes);
    await writeFile(join(fresh, 'state.json'), JSON.stringify(state));
  });
}

/**
 * Puts a checkpoint into an optimizer that was just made, and so into its parameters.
 *
 * @returns where the training stands
 * @throws DataError where there is no whole checkpoint, or it is of another model
 */
export async function loadCheckpoint(directory: string, optimizer: Adam): Promise<Progress> {
  await recoverFolder(directory);
  const read = (file: string) =>
    readFile(join(directory, file)).catch((error: Error) => {
      throw new DataError(`${join(directory, file)} can't be read (${error.message}). Train again.`);
    });
  const bytes = await read('vectors.bin');
  const state = stateSchema.safeParse(parseJsonOrNull((await read('state.json')).toString()));
  if (!state.success || createHash('sha256').update(bytes).digest('hex') !== state.data.sha256)
    throw new DataError(`${directory} is damaged. Train again.`);
  const { progress, count } = state.data;
  const now = optimizer.state();
  if (now[0]?.size !== count || bytes.length !== 4 * count * now.length)
    throw new DataError(`${directory} is of another model. Train again.`);
  const vectors = now.map((_, i) => {
    const from = bytes.byteOffset + 4 * count * i;
    return new Float32Array(bytes.buffer.slice(from, from + 4 * count));
  });
  optimizer.restore(vectors, progress.step);
  return progress;
}

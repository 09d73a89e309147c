import { availableParallelism } from 'node:os';
import { Readable } from 'node:stream';
import { Piscina } from 'piscina';
import type { Screener } from '../../node/bundle/graphs.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import type { Decision } from '../../shared/decision/decide.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { tensorOf } from '../../shared/images/preprocess.ts';
import readImages, { type ReadImage, type ReadTask } from './read-thread.ts';

/** Files that are read in one task and screened in one batch. */
const AT_ONCE = 32;

/** The result for a file; `levels` are the image as the model took it. */
export type ScreenedFile = { file: string } & ({ levels: Uint8Array; scores: Scores; decision: Decision } | { error: string });

/**
 * Screens files in their order, in batches. More than one batch is read ahead by as many threads as there are processors; memory does not
 * grow with the number of files.
 */
export async function* screenFiles(files: AsyncIterable<string>, screener: Screener): AsyncGenerator<ScreenedFile> {
  const { input, preprocess } = screener.screening;
  const batches = batchesOf(files);
  const taskOf = (batch: string[]): ReadTask => ({ files: batch, input, preprocess });
  const first = await batches.next();
  if (first.done) return;
  // Few files are read before a thread has started.
  yield* screenImages(await readImages(taskOf(first.value)), screener);
  const second = await batches.next();
  if (second.done) return;
  const maxThreads = availableParallelism();
  const pool = new Piscina<ReadTask, ReadImage[]>({ filename: new URL('./read-thread.ts', import.meta.url).href, maxThreads });
  const rest = async function* () {
    yield second.value;
    yield* batches;
  };
  try {
    const read = (batch: string[]) => pool.run(taskOf(batch));
    for await (const images of Readable.from(rest()).map(read, { concurrency: 2 * maxThreads })) yield* screenImages(images, screener);
  } finally {
    await pool.destroy();
  }
}

async function* batchesOf(files: AsyncIterable<string>): AsyncGenerator<string[], undefined> {
  let batch: string[] = [];
  for await (const file of files) {
    batch.push(file);
    if (batch.length < AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Screens images in batches that fit into memory. */
async function* screenImages(images: readonly ReadImage[], { screening, screen }: Screener): AsyncGenerator<ScreenedFile> {
  const atOnce = imagesWithinMemory(screening.input, AT_ONCE);
  for (let from = 0; from < images.length; from += atOnce) {
    const batch = images.slice(from, from + atOnce);
    const tensors = batch.flatMap((image) => ('levels' in image ? [tensorOf(image.levels)] : []));
    const size = tensors[0]?.length ?? 0;
    const joined = new Float32Array(tensors.length * size);
    for (const [i, tensor] of tensors.entries()) joined.set(tensor, i * size);
    const results = tensors.length > 0 ? await screen(joined) : [];
    let at = 0;
    for (const image of batch) {
      if ('error' in image) yield image;
      else {
        const result = results[at++];
        // Never accepted without an answer.
        yield result ? { ...image, ...result } : { file: image.file, error: 'the model gave no answer' };
      }
    }
  }
}

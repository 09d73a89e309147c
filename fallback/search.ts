import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32FromBase64 } from '../shared/bundle/float32-base64.ts';
import { type Bundle, BundleError, openBundle } from '../shared/bundle/open-bundle.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type BatchQueue, createBatchQueue, type QueueOptions, type QueueWatch } from './batch-queue.ts';
import { chooseBatchSize } from './choose-batch-size.ts';
import { checkLibraries, installed, type Provider, ProviderError, type ProviderName, providersToTry } from './providers.ts';
import type { SearchResult } from './search-result.ts';
import type { SearchThreadData } from './search-thread.ts';
import { createSearchThreads, type SearchThreads } from './search-threads.ts';

export interface Search extends Pick<SearchThreads, 'threads' | 'close'>, Pick<BatchQueue, 'run' | 'checkRoom' | 'waiting'> {
  screening: Screening;
  provider: ProviderName;
  /** Why that one. */
  why: string;
  /** Images in one search. */
  batchSize: number;
  /** Whether the golden image gives what it should; searched for again only after a search failed or a thread ended. */
  ready(): Promise<boolean>;
}

export interface SearchWatch extends QueueWatch {
  /** A thread ended, with the cause where one is known; another takes its place. */
  threadEnded?(error?: unknown): void;
}

export interface SearchOptions extends Omit<QueueOptions, 'batchSize'> {
  provider: Provider;
  /** `auto`: chosen by measuring at the start (choose-batch-size.ts). */
  batchSize: number | 'auto';
  watch?: SearchWatch;
  /** What a thread runs. */
  threadFile?: string;
}

/**
 * Verifies a bundle and starts the threads that search with its reclassify.onnx, on the first provider that can.
 *
 * @throws BundleError where a file differs, ONNX Runtime can't load the graph, or the golden image gives something else;
 * ProviderError where the provider that was asked for can't be had
 */
export async function openSearch(directory: string, options: SearchOptions): Promise<Search> {
  const bundle = await openBundle((file) => readFile(join(directory, file)), ['reclassify']);
  const failures: string[] = [];
  for (const provider of providersToTry(options.provider)) {
    try {
      checkLibraries(provider);
      const why = options.provider === 'auto' ? ['auto', ...failures].join(': ') : 'as asked';
      return await startOn(provider, why, bundle, options);
    } catch (error) {
      if (error instanceof BundleError) throw error;
      failures.push(`${provider} failed (${firstLine(error)})`);
    }
  }
  if (options.provider === 'cuda' || options.provider === 'webgpu')
    throw new ProviderError(`${failures[0]}; there are ${installed().join(', ')} (or auto), of which cpu needs no device`);
  throw new BundleError(`reclassify.onnx can't be run by ONNX Runtime: ${failures.join('; ')}. Export the bundle again (pnpm export).`);
}

async function startOn(
  provider: ProviderName,
  why: string,
  { screening, graphs, weights }: Bundle,
  options: SearchOptions,
): Promise<Search> {
  const workerData: SearchThreadData = {
    graph: graphs.reclassify as Uint8Array,
    weights: { path: screening.weights.file, data: weights },
    provider,
  };
  // Undefined: not known. A check that is under way is shared by all who ask.
  let sound: Promise<boolean> | undefined;
  const doubt = (error: unknown) => {
    sound = undefined;
    options.watch?.failed?.(error);
  };
  const threadEnded = (error?: unknown) => {
    sound = undefined;
    options.watch?.threadEnded?.(error);
  };
  const threads = createSearchThreads(workerData, options.threads, threadEnded, options.threadFile);
  const golden = (n = 1) => threads.search(goldenImages(n, screening));
  let measured: { batchSize: number; secondsPerImage: number };
  try {
    const problem = goldenProblem(await golden(), screening);
    if (problem)
      throw new BundleError(`reclassify.onnx does not compute what it should: ${problem}. Export the bundle again (pnpm export).`);
    sound = Promise.resolve(true);
    measured = await measure(golden, provider, options.batchSize);
  } catch (error) {
    await threads.destroy();
    throw error;
  }
  const { batchSize, secondsPerImage } = measured;
  const queue = createBatchQueue(threads.search, { ...options, batchSize }, secondsPerImage, { ...options.watch, failed: doubt });
  const check = async () => {
    const fine = await golden().then(
      (found) => goldenProblem(found, screening) === null,
      () => false,
    );
    if (!fine) sound = undefined;
    return fine;
  };
  return {
    screening,
    provider,
    why,
    batchSize,
    get threads() {
      return threads.threads;
    },
    get waiting() {
      return queue.waiting;
    },
    run: queue.run,
    checkRoom: queue.checkRoom,
    ready() {
      sound ??= check();
      return sound;
    },
    async close() {
      await queue.drained();
      await threads.close();
    },
  };
}

/** At least one search of a size is timed, and more of them for so long. */
const MEASURED_MS = 100;

/** @param search of that many golden images */
async function measure(search: (images: number) => Promise<unknown>, provider: ProviderName, batchSize: number | 'auto') {
  const seconds = async (images: number) => {
    // A GPU's first search of a size makes its kernels.
    if (provider !== 'cpu') await search(images);
    // The least of some: other work on the machine can only add to it.
    const found: number[] = [];
    for (const begun = performance.now(); found.length === 0 || (found.length < 5 && performance.now() - begun < MEASURED_MS); ) {
      const started = performance.now();
      await search(images);
      found.push((performance.now() - started) / 1000);
    }
    return Math.min(...found);
  };
  return batchSize === 'auto' ? chooseBatchSize(seconds) : { batchSize, secondsPerImage: await seconds(1) };
}

function goldenImages(n: number, { golden, input: { height, width, channels } }: Screening) {
  const image = float32FromBase64(golden.image);
  const images = new Float32Array(n * image.length);
  for (let i = 0; i < n; i++) images.set(image, i * image.length);
  return { images, shape: [n, height, width, channels] };
}

/** What differs from the export, or null. The golden image is the decoder's own, so the search can only do better than the encoder did. */
function goldenProblem(found: SearchResult, { golden, modelId }: Screening): string | null {
  const worst = golden.reconstructionError * 1.01 + 1e-3;
  const error = found.reconstructionError[0] as number;
  if (found.modelId[0] !== modelId) return `it answers for model ${found.modelId[0]}, not ${modelId}`;
  if (Number(found.label[0]) !== golden.label) return `the golden image is labelled ${found.label[0]}, not ${golden.label}`;
  return error <= worst ? null : `the golden image's reconstruction error is ${error}, not at most ${worst}`;
}

/** Of a CUDA error only what CUDA says, without the C++ around it. */
function firstLine(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n') as [string];
  return /CUDA failure [^;]*[^; ]/.exec(line)?.[0] ?? line;
}

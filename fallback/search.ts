import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { float32FromBase64 } from '../shared/bundle/float32-base64.ts';
import { type Bundle, BundleError, openBundle } from '../shared/bundle/open-bundle.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type BatchQueue, createBatchQueue, type QueueEvents, type QueueOptions } from './batch-queue.ts';
import { type BatchChoice, measureBatches } from './batch-size.ts';
import type { SearchResult } from './outputs.ts';
import { checkLibraries, installed, type Provider, ProviderError, type ProviderName, providersToTry } from './providers.ts';
import type { SearchRequest, SearchThreadData } from './search-thread.ts';

export interface Search extends Pick<BatchQueue, 'run' | 'checkCapacity' | 'waiting'> {
  screening: Screening;
  readonly threads: readonly Worker[];
  provider: ProviderName;
  /** Reason for that provider. */
  why: string;
  /** Largest number of images in one search. */
  batchSize: number;
  /** Returns true if the search of the golden image gives the right result; searched again only after a search failed or a thread ended. */
  ready(): Promise<boolean>;
  /** Waits for the searches under way, then ends the threads. */
  close(): Promise<void>;
}

export interface SearchEvents extends QueueEvents {
  /** A thread ended, with the cause if known; another takes its place. */
  threadEnded?(error?: unknown): void;
}

export interface SearchOptions extends Omit<QueueOptions, 'batchSize'> {
  provider: Provider;
  /** `auto`: chosen by measuring at the start (batch-size.ts). */
  batchSize: number | 'auto';
  events?: SearchEvents;
  /** Script of a thread. */
  threadFile?: string;
}

const SEARCH_THREAD = new URL('./search-thread.ts', import.meta.url).href;

/**
 * Verifies a bundle and starts the threads that search with its reclassify.onnx, on the first provider that works.
 *
 * @throws BundleError if a file differs, ONNX Runtime can't load the graph, or the golden image gives another result;
 * ProviderError if the provider that was asked for is not available
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
  // Undefined means unknown. Everyone who asks shares a check that is under way.
  let healthy: Promise<boolean> | undefined;
  const failed = (error: unknown) => {
    healthy = undefined;
    options.events?.failed?.(error);
  };
  const threadEnded = (error?: unknown) => {
    healthy = undefined;
    options.events?.threadEnded?.(error);
  };
  const pool = new Piscina<SearchRequest, SearchResult>({
    ...{ filename: options.threadFile ?? SEARCH_THREAD, workerData, minThreads: options.threads, maxThreads: options.threads },
    // A drain may take as long as everything that waits.
    closeTimeout: 2 ** 31 - 1,
  });
  // A thread that dies rejects its batch and is replaced; other errors of the pool belong to no batch.
  pool.on('error', threadEnded);
  pool.on('workerDestroy', () => threadEnded());
  const search = (batch: SearchRequest) => pool.run(batch, { transferList: [batch.images.buffer as ArrayBuffer] });
  const searchGolden = (n = 1) => search(goldenImages(n, screening));
  let measured: BatchChoice;
  try {
    const problem = goldenProblem(await searchGolden(), screening);
    if (problem)
      throw new BundleError(`reclassify.onnx does not compute what it should: ${problem}. Export the bundle again (pnpm export).`);
    healthy = Promise.resolve(true);
    measured = await measureBatches(searchGolden, provider, options.batchSize);
  } catch (error) {
    // Nothing is searched now: ending a thread inside `session.run` would abort the process.
    await pool.destroy();
    throw error;
  }
  const { batchSize, secondsPerImage } = measured;
  const queue = createBatchQueue(search, { ...options, batchSize }, secondsPerImage, { ...options.events, failed });
  const check = async () => {
    const isRight = await searchGolden()
      .then((result) => goldenProblem(result, screening) === null)
      .catch(() => false);
    if (!isRight) healthy = undefined;
    return isRight;
  };
  return {
    screening,
    provider,
    why,
    batchSize,
    get threads() {
      return pool.threads;
    },
    get waiting() {
      return queue.waiting;
    },
    run: queue.run,
    checkCapacity: queue.checkCapacity,
    ready() {
      healthy ??= check();
      return healthy;
    },
    async close() {
      await queue.drain();
      await pool.close();
    },
  };
}

function goldenImages(n: number, { golden, input: { height, width, channels } }: Screening) {
  const image = float32FromBase64(golden.image);
  const images = new Float32Array(n * image.length);
  for (let i = 0; i < n; i++) images.set(image, i * image.length);
  return { images, shape: [n, height, width, channels] };
}

/** Returns what differs from the export, or null. The golden image is the decoder's own, so the search can only improve on the encoder. */
function goldenProblem({ label, reconstructionError, modelId }: SearchResult, screening: Screening): string | null {
  const { golden } = screening;
  const largest = golden.reconstructionError * 1.01 + 1e-3;
  const error = reconstructionError[0] as number;
  if (modelId[0] !== screening.modelId) return `it answers for model ${modelId[0]}, not ${screening.modelId}`;
  if (Number(label[0]) !== golden.label) return `the golden image is labelled ${label[0]}, not ${golden.label}`;
  return error <= largest ? null : `the golden image's reconstruction error is ${error}, not at most ${largest}`;
}

/** Returns the first line of an error; of a CUDA error only what CUDA says, without the C++ around it. */
function firstLine(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n') as [string];
  return /CUDA failure [^;]*[^; ]/.exec(line)?.[0] ?? line;
}

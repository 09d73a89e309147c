import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32FromBase64 } from '../shared/float32-base64.ts';
import { type Bundle, BundleError, openBundle } from '../shared/open-bundle.ts';
import type { Screening } from '../shared/screening-schema.ts';
import { checkLibraries, installed, type Provider, ProviderError, type ProviderName, providersToTry } from './providers.ts';
import { createSearchPool, type SearchPool } from './search-pool.ts';
import type { SearchResult, SearchThreadData } from './search-thread.ts';

export interface Search extends Pick<SearchPool, 'run' | 'threads' | 'close'> {
  screening: Screening;
  provider: ProviderName;
  /** Why that one. */
  why: string;
  /** Whether the golden image gives what it should; searched for again only after a search failed or a thread ended. */
  ready(): Promise<boolean>;
}

export interface SearchOptions {
  provider: Provider;
  /** Searches at once, >= 1. */
  threads: number;
  /** Requests that may wait, >= 0. */
  maxQueue: number;
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
  { threads, maxQueue }: SearchOptions,
): Promise<Search> {
  const workerData: SearchThreadData = {
    graph: graphs.reclassify as Uint8Array,
    weights: { path: screening.weights.file, data: weights },
    provider,
  };
  // Undefined: not known. A check that is under way is shared by all who ask.
  let sound: Promise<boolean> | undefined;
  const doubt = () => {
    sound = undefined;
  };
  const pool = createSearchPool(workerData, { threads, maxQueue }, doubt);
  const { height, width, channels } = screening.input;
  const golden = () =>
    pool.run({ images: float32FromBase64(screening.golden.image), shape: [1, height, width, channels] }, { always: true });
  try {
    const problem = goldenProblem(await golden(), screening);
    if (problem)
      throw new BundleError(`reclassify.onnx does not compute what it should: ${problem}. Export the bundle again (pnpm export).`);
    sound = Promise.resolve(true);
  } catch (error) {
    await pool.destroy();
    throw error;
  }
  const check = async () => {
    const fine = await golden().then(
      (found) => goldenProblem(found, screening) === null,
      () => false,
    );
    if (!fine) doubt();
    return fine;
  };
  return {
    screening,
    provider,
    why,
    get threads() {
      return pool.threads;
    },
    async run(request, runOptions) {
      try {
        return await pool.run(request, runOptions);
      } catch (error) {
        if (!(error instanceof Error && error.name === 'QueueFullError') && !runOptions?.signal?.aborted) doubt();
        throw error;
      }
    },
    ready() {
      sound ??= check();
      return sound;
    },
    close: pool.close,
  };
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

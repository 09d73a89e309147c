import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { listSupportedBackends } from 'onnxruntime-node';
import { Piscina } from 'piscina';
import { float32FromBase64 } from '../shared/float32-base64.ts';
import { openBundle } from '../shared/open-bundle.ts';
import type { Screening } from '../shared/screening-schema.ts';
import type { SearchRequest, SearchResult, SearchThreadData } from './search-thread.ts';

export type Provider = 'auto' | SearchThreadData['provider'];

export interface Search {
  screening: Screening;
  provider: SearchThreadData['provider'];
  /** Why that one. */
  why: string;
  /** @throws Error named QueueFullError where too many wait */
  run(request: SearchRequest): Promise<SearchResult>;
  /** @returns what differs from the export, or null */
  goldenProblem(): Promise<string | null>;
  /** Waits for what is under way, then ends the threads. */
  close(): Promise<void>;
}

/** More requests wait than are allowed. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
}

/**
 * Verifies a bundle and starts the threads that search with its reclassify.onnx.
 *
 * @throws BundleError; Error where the provider can't be had or the graph can't be loaded
 */
export async function openSearch(directory: string, options: { provider: Provider; threads: number; maxQueue: number }): Promise<Search> {
  const bundle = await openBundle((file) => readFile(join(directory, file)), ['reclassify']);
  const { screening } = bundle;
  const { provider, why } = chosenProvider(options.provider);
  const workerData: SearchThreadData = {
    graph: bundle.graphs.reclassify as Uint8Array,
    weights: { path: screening.weights.file, data: bundle.weights },
    provider,
  };
  const pool = new Piscina({
    filename: new URL('./search-thread.ts', import.meta.url).href,
    workerData,
    minThreads: options.threads,
    maxThreads: options.threads,
    maxQueue: options.maxQueue,
  });
  // A thread that dies rejects its task; what else the pool says of it belongs to no request.
  pool.on('error', (error) => console.error(JSON.stringify({ event: 'search-thread', why: String(error) })));
  const run = async (request: SearchRequest): Promise<SearchResult> => {
    if (pool.queueSize >= options.maxQueue) throw new QueueFullError(`${options.maxQueue} requests wait already`);
    return pool.run(request);
  };
  const goldenProblem = async () => {
    const { height, width, channels } = screening.input;
    const found = await run({ images: float32FromBase64(screening.golden.image), shape: [1, height, width, channels] });
    if (Number(found.label[0]) !== screening.golden.label)
      return `the golden image is labelled ${found.label[0]}, not ${screening.golden.label}`;
    // The search can only do better than the encoder did.
    const worst = screening.golden.reconstructionError * 1.01 + 1;
    return (found.reconstructionError[0] as number) <= worst
      ? null
      : `the golden image's error is ${found.reconstructionError[0]}, not at most ${worst}`;
  };
  const search = { screening, provider, why, run, goldenProblem, close: () => pool.close() };
  try {
    const problem = await goldenProblem();
    if (problem) throw new Error(`reclassify.onnx does not compute what it did when it was exported: ${problem}`);
  } catch (error) {
    await pool.destroy();
    throw error;
  }
  return search;
}

function chosenProvider(asked: Provider): { provider: SearchThreadData['provider']; why: string } {
  const available = (['cuda', 'webgpu', 'cpu'] as const).filter(isInstalled);
  // webgpu is taken only when asked for: without a GPU it is software, and slow.
  if (asked === 'auto')
    return available[0] === 'cuda'
      ? { provider: 'cuda', why: 'auto: cuda is there' }
      : { provider: 'cpu', why: 'auto: no cuda is installed' };
  if (!available.includes(asked)) {
    throw Object.assign(new Error(`provider ${asked} is not installed with ONNX Runtime; there are ${available.join(', ')} (or auto)`), {
      code: 'NO_PROVIDER',
    });
  }
  return { provider: asked, why: 'as asked' };
}

/** ONNX Runtime names cuda among its backends even where its library, which comes by a separate install, is not there. */
function isInstalled(provider: SearchThreadData['provider']): boolean {
  if (provider !== 'cuda') return listSupportedBackends().some(({ name }) => name === provider);
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return existsSync(join(root, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so'));
}

import '../node/no-telemetry.ts';
import { setPriority } from 'node:os';
import * as ort from 'onnxruntime-node';
import { workerData } from 'piscina';
import { readOutputs, type SearchResult } from './outputs.ts';
import type { ProviderName } from './providers.ts';

/** Data that a thread is started with. */
export interface SearchThreadData {
  graph: Uint8Array;
  weights: { path: string; data: Uint8Array };
  provider: ProviderName;
}

export interface SearchRequest {
  /** [N, H, W, C] flat, in [0, 1] */
  images: Float32Array;
  shape: number[];
}

/** Niceness relative to the thread that takes requests. */
const NICENESS = 5;

// On Linux this affects this thread alone: on busy cores, requests are taken before images are searched.
if (process.platform === 'linux') setPriority(NICENESS);

const { graph, weights, provider } = workerData as SearchThreadData;
// The first request opens the session, not the loading of this module: a failure then fails a request, and the threads live.
let opened: Promise<ort.InferenceSession> | undefined;

/**
 * Runs the whole search of Eq. 9 in its own thread, because `session.run` blocks the event loop that calls it.
 *
 * @throws Error if the graph can't be loaded or run; OutputError if it does not answer a finite score for each image
 */
export default async function search({ images, shape }: SearchRequest): Promise<SearchResult> {
  opened ??= ort.InferenceSession.create(graph, { externalData: [weights], executionProviders: [provider], intraOpNumThreads: 1 });
  const session = await opened;
  return readOutputs(await session.run({ image: new ort.Tensor('float32', images, shape) }), shape[0] as number);
}

import { setPriority } from 'node:os';
import * as ort from 'onnxruntime-node';
import { workerData } from 'piscina';
import type { ProviderName } from './providers.ts';
import type { SearchResult } from './search-result.ts';

/** What a thread is started with. */
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

/** How far behind the thread that takes requests (nice). */
const BEHIND = 5;

// On Linux this is of this thread alone: where the cores are taken, requests are taken before images are searched.
if (process.platform === 'linux') setPriority(BEHIND);

const { graph, weights, provider } = workerData as SearchThreadData;
// Made by the first request and not while this module loads: what fails there then fails a request, and the threads live.
let opened: Promise<ort.InferenceSession> | undefined;

/**
 * Runs the whole search of Eq. 9, in a thread of its own, as `session.run` blocks the event loop it is called from.
 *
 * @throws Error where the graph can't be loaded or run, or answers something that is no finite score of each image
 */
export default async function search({ images, shape }: SearchRequest): Promise<SearchResult> {
  opened ??= ort.InferenceSession.create(graph, { externalData: [weights], executionProviders: [provider], intraOpNumThreads: 1 });
  const session = await opened;
  return checked(await session.run({ image: new ort.Tensor('float32', images, shape) }), shape[0] as number);
}

function checked(answers: ort.InferenceSession.ReturnType, n: number): SearchResult {
  const floats = (name: string) => {
    const data = answers[name]?.data;
    if (!(data instanceof Float32Array) || data.length === 0 || data.length % n !== 0 || !data.every(Number.isFinite))
      throw new Error(`reclassify.onnx answers no finite ${name} for each image`);
    return data;
  };
  const labels = (name: string) => {
    const data = answers[name]?.data;
    if (!(data instanceof BigInt64Array) || data.length !== n) throw new Error(`reclassify.onnx answers no ${name} for each image`);
    return data;
  };
  const modelId = answers.model_id?.data;
  if (!Array.isArray(modelId) || modelId.length !== n) throw new Error('reclassify.onnx answers no model_id for each image');
  return {
    label: labels('label'),
    latent: floats('latent'),
    latentDistance: floats('latent_distance'),
    reconstructionError: floats('reconstruction_error'),
    ...(answers.runner_up
      ? { runnerUp: labels('runner_up'), runnerUpError: floats('runner_up_error') }
      : { runnerUp: new BigInt64Array(n).fill(-1n), runnerUpError: new Float32Array(n) }),
    modelId: modelId.map(String),
  };
}

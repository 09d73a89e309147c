import * as ort from 'onnxruntime-node';
import { workerData } from 'piscina';
import type { ProviderName } from './providers.ts';

/** What a thread is started with. */
export interface SearchThreadData {
  graph: Uint8Array;
  weights: { path: string; data: Uint8Array };
  provider: ProviderName;
}

export interface SearchRequest {
  /** [N, H, W, C] flat */
  images: Float32Array;
  shape: number[];
  /** One shared value; not 0 once nobody waits for the answer any more. */
  cancelled?: Int32Array;
}

export interface SearchResult {
  label: BigInt64Array;
  /** [N, d] flat */
  latent: Float32Array;
  latentDistance: Float32Array;
  reconstructionError: Float32Array;
  modelId: string[];
}

/** The search takes as long an image alone as in a batch; parts this small bound the memory and let a cancelled request end. */
const IMAGES_PER_RUN = 8;

const { graph, weights, provider } = workerData as SearchThreadData;
// Made by the first request and not while this module loads: what fails there then fails a request, and the pool lives.
let opened: Promise<ort.InferenceSession> | undefined;

/**
 * Runs the whole search of Eq. 9, in a thread of its own, as `session.run` blocks the event loop it is called from.
 *
 * @returns null where the request was cancelled before its end
 * @throws Error where the graph can't be loaded or run, or answers something that is no finite score of each image
 */
export default async function search({ images, shape, cancelled }: SearchRequest): Promise<SearchResult | null> {
  opened ??= ort.InferenceSession.create(graph, { externalData: [weights], executionProviders: [provider], intraOpNumThreads: 1 });
  const session = await opened;
  const [count = 0, ...rest] = shape;
  const size = images.length / count;
  const parts: SearchResult[] = [];
  for (let first = 0; first < count; first += IMAGES_PER_RUN) {
    if (cancelled && Atomics.load(cancelled, 0) !== 0) return null;
    const n = Math.min(IMAGES_PER_RUN, count - first);
    const part = new ort.Tensor('float32', images.slice(first * size, (first + n) * size), [n, ...rest]);
    parts.push(checked(await session.run({ image: part }), n));
  }
  const floats = (name: 'latent' | 'latentDistance' | 'reconstructionError') => Float32Array.from(parts.flatMap((part) => [...part[name]]));
  return {
    label: BigInt64Array.from(parts.flatMap(({ label }) => [...label])),
    latent: floats('latent'),
    latentDistance: floats('latentDistance'),
    reconstructionError: floats('reconstructionError'),
    modelId: parts.flatMap(({ modelId }) => modelId),
  };
}

function checked(answers: ort.InferenceSession.ReturnType, n: number): SearchResult {
  const floats = (name: string) => {
    const data = answers[name]?.data;
    if (!(data instanceof Float32Array) || data.length === 0 || data.length % n !== 0 || !data.every(Number.isFinite))
      throw new Error(`reclassify.onnx answers no finite ${name} for each image`);
    return data;
  };
  const label = answers.label?.data;
  const modelId = answers.model_id?.data;
  if (!(label instanceof BigInt64Array) || label.length !== n || !Array.isArray(modelId) || modelId.length !== n)
    throw new Error('reclassify.onnx answers no label or model_id for each image');
  return {
    label,
    latent: floats('latent'),
    latentDistance: floats('latent_distance'),
    reconstructionError: floats('reconstruction_error'),
    modelId: modelId.map(String),
  };
}

import * as ort from 'onnxruntime-node';
import { workerData } from 'piscina';

/** What a thread is started with. */
export interface SearchThreadData {
  graph: Uint8Array;
  weights: { path: string; data: Uint8Array };
  provider: 'cpu' | 'cuda' | 'webgpu';
}

export interface SearchRequest {
  /** [N, H, W, C] flat */
  images: Float32Array;
  shape: number[];
}

export interface SearchResult {
  label: BigInt64Array;
  latent: Float32Array;
  latentDistance: Float32Array;
  reconstructionError: Float32Array;
  modelId: string[];
}

const { graph, weights, provider } = workerData as SearchThreadData;
const session = ort.InferenceSession.create(graph, { externalData: [weights], executionProviders: [provider], intraOpNumThreads: 1 });

/** Runs the whole search of Eq. 9, in a thread of its own, as `session.run` blocks the event loop it is called from. */
export default async function search({ images, shape }: SearchRequest): Promise<SearchResult> {
  const answers = await (await session).run({ image: new ort.Tensor('float32', images, shape) });
  return {
    label: answers.label?.data as BigInt64Array,
    latent: answers.latent?.data as Float32Array,
    latentDistance: answers.latent_distance?.data as Float32Array,
    reconstructionError: answers.reconstruction_error?.data as Float32Array,
    modelId: answers.model_id?.data as string[],
  };
}

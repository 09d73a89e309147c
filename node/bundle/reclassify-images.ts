import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { BundleError, openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { relativeError, type Scores } from '../../shared/decision/scores.ts';
import { imagesWithinMemory } from './images-within-memory.ts';

export interface Reclassifier {
  screening: Screening;
  /**
   * @param images [n, H, W, C] flat, in [0, 1]
   * @returns the scores of each image's best latent, for `decideReclassified`
   * @throws BundleError where the graph answers for another model
   */
  reclassify(images: Float32Array): Promise<Scores[]>;
  close(): Promise<void>;
}

/** Most images searched for at once; an image takes as long alone as in a batch. */
const IMAGES_PER_RUN = 8;

/**
 * The search of Eq. 9, reclassify.onnx of a verified bundle, in onnxruntime-node: what the fallback would answer.
 *
 * @param options.intraOpNumThreads of ONNX Runtime; by default one a core
 * @throws BundleError
 */
export async function openReclassifier(directory: string, options: { intraOpNumThreads?: number } = {}): Promise<Reclassifier> {
  const { screening, graphs, weights } = await openBundle((file) => readFile(join(directory, file)), ['reclassify']);
  const session = await ort.InferenceSession.create(graphs.reclassify as Uint8Array, {
    ...options,
    externalData: [{ path: screening.weights.file, data: weights }],
  });
  const { height, width, channels } = screening.input;
  const size = height * width * channels;
  // The search starts from every class at once.
  const atOnce = imagesWithinMemory(screening.input, IMAGES_PER_RUN, screening.classes.length);
  const reclassify = async (images: Float32Array) => {
    const found: Scores[] = [];
    for (let first = 0; first < images.length; first += atOnce * size) {
      const part = images.slice(first, first + atOnce * size);
      const answers = await session.run({ image: new ort.Tensor('float32', part, [part.length / size, height, width, channels]) });
      const labels = answers.label?.data as BigInt64Array;
      const models = answers.model_id?.data as string[];
      const distances = answers.latent_distance?.data as Float32Array;
      const errors = answers.reconstruction_error?.data as Float32Array;
      const others = answers.runner_up_error?.data as Float32Array | undefined;
      labels.forEach((label, i) => {
        if (models[i] !== screening.modelId)
          throw new BundleError(
            `reclassify.onnx answers for model ${models[i]}, not ${screening.modelId}. Export the bundle again (pnpm export).`,
          );
        const reconstructionError = errors[i] as number;
        found.push({
          label: Number(label),
          latentDistance: distances[i] as number,
          reconstructionError,
          relativeError: relativeError(reconstructionError, part.subarray(i * size, (i + 1) * size), screening.relativeErrorOffset),
          ...(others ? { runnerUpError: others[i] as number } : {}),
        });
      });
    }
    return found;
  };
  return { screening, reclassify, close: () => session.release() };
}

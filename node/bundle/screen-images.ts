import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { openBundle } from '../../shared/bundle/open-bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Decision, decide } from '../../shared/decision/decide.ts';
import { relativeError, type Scores } from '../../shared/decision/scores.ts';
import { imagesWithinMemory } from './images-within-memory.ts';

/** Most images at once. */
const RECONSTRUCTED_AT_ONCE = 50;

export interface Screener {
  screening: Screening;
  /** @param images [n, H, W, C] flat, in [0, 1] */
  screen(images: Float32Array): Promise<{ scores: Scores; decision: Decision }[]>;
  /** What the graph makes of images, [n, H, W, C] flat both. */
  reconstruct(images: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * screen.onnx of a verified bundle in onnxruntime-node, with the decision of shared/: what the worker would say.
 *
 * @param options.intraOpNumThreads of ONNX Runtime; by default one a core
 * @throws BundleError
 */
export async function openScreener(directory: string, options: { intraOpNumThreads?: number } = {}): Promise<Screener> {
  const { screening, graphs, weights } = await openBundle((file) => readFile(join(directory, file)), ['screen']);
  const session = await ort.InferenceSession.create(graphs.screen as Uint8Array, {
    ...options,
    externalData: [{ path: screening.weights.file, data: weights }],
  });
  const { height, width, channels } = screening.input;
  const size = height * width * channels;
  const screen = async (images: Float32Array) => {
    const n = images.length / size;
    const answers = await session.run({ image: new ort.Tensor('float32', images, [n, height, width, channels]) }, [
      'label',
      'latent_distance',
      'reconstruction_error',
    ]);
    const labels = answers.label?.data as BigInt64Array;
    const distances = answers.latent_distance?.data as Float32Array;
    const errors = answers.reconstruction_error?.data as Float32Array;
    return Array.from(labels, (label, i) => {
      const reconstructionError = errors[i] as number;
      const scores: Scores = {
        label: Number(label),
        latentDistance: distances[i] as number,
        reconstructionError,
        relativeError: relativeError(reconstructionError, images.subarray(i * size, (i + 1) * size), screening.relativeErrorOffset),
      };
      return { scores, decision: decide(scores, screening.thresholds) };
    });
  };
  const reconstruct = async (images: Float32Array) => {
    const made = new Float32Array(images.length);
    const atOnce = size * imagesWithinMemory(screening.input, RECONSTRUCTED_AT_ONCE);
    for (let first = 0; first < images.length; first += atOnce) {
      const part = images.slice(first, first + atOnce);
      const { reconstruction } = await session.run(
        { image: new ort.Tensor('float32', part, [part.length / size, height, width, channels]) },
        ['reconstruction'],
      );
      made.set(reconstruction?.data as Float32Array, first);
    }
    return made;
  };
  return { screening, screen, reconstruct, close: () => session.release() };
}

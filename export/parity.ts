import '../node/no-telemetry.ts';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import type { Screening, Thresholds } from '../shared/bundle/screening-schema.ts';
import { decide } from '../shared/decision/decide.ts';
import { imagesOf, type Scores, scoresFromOutputs } from '../shared/decision/scores.ts';
import { limitsOf, optionalScores } from '../shared/score-table.ts';
import { UserError } from '../shared/user-error.ts';
import { encode, scoresOf } from '../trainer/encode.ts';
import type { Model } from '../trainer/model/build-model.ts';

/** Differences between the exported graphs and the trained model, on real images. */
export interface Parity {
  images: number;
  /** Largest absolute difference of a latent value and of a reconstructed pixel. */
  maxLatentDifference: number;
  maxReconstructionDifference: number;
  /** Images that graphs and model decide differently, apart from those near a threshold. */
  verdictsDiffering: number;
  /** Images with a score within 1e-4, relatively, of its threshold, where rounding may decide. */
  nearThreshold: number;
}

export const TOLERANCE = 1e-4;

/** The exported graphs differ from the trained model. */
export class ParityError extends UserError {}

/**
 * Compares `screen.onnx` with the model it was made from.
 *
 * @param session of screen.onnx
 * @param batches of images, each [n, H, W, C] flat, in [0, 1]
 * @throws RangeError if there is no image, or part of one
 */
export async function measureParity(
  session: ort.InferenceSession,
  model: Model,
  batches: Iterable<Float32Array>,
  screening: Pick<Screening, 'input' | 'means' | 'covariances' | 'thresholds' | 'relativeErrorOffset' | 'guarantee'>,
): Promise<Parity> {
  const { input, means, covariances, thresholds, relativeErrorOffset, guarantee } = screening;
  const { height, width, channels } = input;
  const size = height * width * channels;
  const parity: Parity = { images: 0, maxLatentDifference: 0, maxReconstructionDifference: 0, verdictsDiffering: 0, nearThreshold: 0 };
  for (const images of batches) {
    const n = images.length / size;
    if (!Number.isInteger(n)) throw new RangeError(`${images.length} values are not images of ${size}; parity needs real images`);
    const outputs = await session.run({ image: new ort.Tensor('float32', images, [n, height, width, channels]) });
    const differenceOf = (name: string, expected: Float32Array) => largestDifference(outputs[name]?.data as Float32Array, expected);
    const encodings = encode(model, images, input, { means, relativeErrorOffset, scores: optionalScores(thresholds), guarantee });
    const latents = Float32Array.from(encodings.flatMap(({ latent }) => latent));
    parity.images += n;
    parity.maxLatentDifference = Math.max(parity.maxLatentDifference, differenceOf('latent', latents));
    const reconstructionDifference = differenceOf('reconstruction', reconstruct(model, images, [n, height, width, channels]));
    parity.maxReconstructionDifference = Math.max(parity.maxReconstructionDifference, reconstructionDifference);
    const actuals = scoresFromOutputs('screen', outputs, imagesOf(images, input), screening);
    for (const [i, expected] of scoresOf(encodings, means, covariances).entries()) {
      const actual = actuals[i] as Scores;
      const same = actual.label === expected.label && decide(actual, thresholds).accepted === decide(expected, thresholds).accepted;
      if (isNearThreshold(expected, thresholds)) parity.nearThreshold++;
      else if (!same) parity.verdictsDiffering++;
    }
  }
  if (parity.images === 0) throw new RangeError('there are no images to compare on; parity needs real images');
  return parity;
}

/** @throws ParityError with the figures if the graphs differ by more than is allowed */
export function assertParity(parity: Parity): void {
  const { images, maxLatentDifference, maxReconstructionDifference, verdictsDiffering } = parity;
  if (maxLatentDifference <= TOLERANCE && maxReconstructionDifference <= TOLERANCE && verdictsDiffering === 0) return;
  throw new ParityError(
    `the exported graphs differ from the trained model on ${images} images: latent by ${maxLatentDifference}, reconstruction by ` +
      `${maxReconstructionDifference} (allowed ${TOLERANCE}), ${verdictsDiffering} verdicts differ (allowed 0). Nothing was written; ` +
      'this is a fault of the exporter.',
  );
}

function isNearThreshold(scores: Scores, thresholds: Thresholds): boolean {
  return limitsOf(thresholds, scores.label).some(({ name, limit = Number.NaN }) => Math.abs((scores[name] ?? 0) - limit) <= 1e-4 * limit);
}

function reconstruct({ encoder, decoder }: Model, images: Float32Array, shape: [number, number, number, number]): Float32Array {
  const reconstruction = tf.tidy(() => decoder.predict(encoder.predict(tf.tensor4d(images, shape)) as tf.Tensor) as tf.Tensor);
  const values = reconstruction.dataSync() as Float32Array;
  reconstruction.dispose();
  return values;
}

/** Returns the largest absolute difference; infinity for NaN or another length. */
export function largestDifference(actual: Float32Array | undefined, expected: Float32Array): number {
  if (actual?.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs((actual[i] as number) - value);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}

import * as tf from '@tensorflow/tfjs';
import type { InferenceSession } from 'onnxruntime-node';
import * as ort from 'onnxruntime-node';
import type { Screening, Thresholds } from '../shared/bundle/screening-schema.ts';
import { decide } from '../shared/decision/decide.ts';
import { imagesOf, type Scores, scoresFromOutputs } from '../shared/decision/scores.ts';
import { UserError } from '../shared/user-error.ts';
import { encode, scoresOf } from '../trainer/encode.ts';
import type { Model } from '../trainer/model/build-model.ts';

/** How far the exported graphs are from the trained model, on real images. */
export interface Parity {
  images: number;
  /** Largest absolute difference of a latent value and of a reconstructed pixel. */
  maxLatentDifference: number;
  maxReconstructionDifference: number;
  /** Images on which both do not decide alike, but for those near a threshold. */
  verdictsDiffering: number;
  /** Images with a score within 1e-4, relatively, of its threshold: there rounding may decide. */
  nearThreshold: number;
}

export const TOLERANCE = 1e-4;

/** The exported graphs do not do what the trained model does. */
export class ParityError extends UserError {}

type Reference = Pick<Screening, 'input' | 'means' | 'covariances' | 'thresholds' | 'relativeErrorOffset'>;

/**
 * Compares `screen.onnx` with the model it was made from.
 *
 * @param session of screen.onnx
 * @param batches of images, each [n, H, W, C] flat, in [0, 1]
 * @throws RangeError where there is no image, or a part of one
 */
export async function measureParity(
  session: InferenceSession,
  model: Model,
  batches: Iterable<Float32Array>,
  screening: Reference,
): Promise<Parity> {
  const parity: Parity = { images: 0, maxLatentDifference: 0, maxReconstructionDifference: 0, verdictsDiffering: 0, nearThreshold: 0 };
  for (const images of batches) await addBatch(parity, session, model, images, screening);
  if (parity.images === 0) throw new RangeError('there are no images to compare on; parity needs real images');
  return parity;
}

async function addBatch(
  parity: Parity,
  session: InferenceSession,
  model: Model,
  images: Float32Array,
  screening: Reference,
): Promise<void> {
  const { height, width, channels } = screening.input;
  const size = height * width * channels;
  const n = images.length / size;
  if (!Number.isInteger(n)) throw new RangeError(`${images.length} values are not images of ${size}; parity needs real images`);
  const answers = await session.run({ image: new ort.Tensor('float32', images, [n, height, width, channels]) });
  const floats = (name: string) => answers[name]?.data as Float32Array;
  const encodings = encode(model, images, screening.input, screening.relativeErrorOffset);
  const expected = scoresOf(encodings, screening.means, screening.covariances);
  const latents = Float32Array.from(encodings.flatMap(({ latent }) => latent));
  const reconstructed = largestDifference(floats('reconstruction'), reconstructions(model, images, screening.input));
  parity.images += n;
  parity.maxLatentDifference = Math.max(parity.maxLatentDifference, largestDifference(floats('latent'), latents));
  parity.maxReconstructionDifference = Math.max(parity.maxReconstructionDifference, reconstructed);
  const actuals = scoresFromOutputs('screen', answers, imagesOf(images, screening.input), screening);
  expected.forEach((scores, i) => {
    const actual = actuals[i] as Scores;
    const same =
      actual.label === scores.label && decide(actual, screening.thresholds).accepted === decide(scores, screening.thresholds).accepted;
    if (isNearThreshold(scores, screening.thresholds)) parity.nearThreshold++;
    else if (!same) parity.verdictsDiffering++;
  });
}

/** @throws ParityError with the figures where the graphs differ by more than is allowed */
export function assertParity(parity: Parity): void {
  const { maxLatentDifference, maxReconstructionDifference, verdictsDiffering } = parity;
  if (maxLatentDifference <= TOLERANCE && maxReconstructionDifference <= TOLERANCE && verdictsDiffering === 0) return;
  throw new ParityError(
    `the exported graphs differ from the trained model on ${parity.images} images: latent by ${maxLatentDifference}, reconstruction by ` +
      `${maxReconstructionDifference} (allowed ${TOLERANCE}), ${verdictsDiffering} verdicts differ (allowed 0). Nothing was written; this is a fault of the exporter.`,
  );
}

function isNearThreshold(scores: Scores, thresholds: Thresholds): boolean {
  const near = (score: number, threshold: number | undefined) => threshold !== undefined && Math.abs(score - threshold) <= 1e-4 * threshold;
  return (
    near(scores.latentDistance, thresholds.maxLatentDistance[scores.label]) ||
    near(scores.reconstructionError, thresholds.maxReconstructionError[scores.label]) ||
    near(scores.relativeError, thresholds.maxRelativeError?.[scores.label])
  );
}

function reconstructions(model: Model, images: Float32Array, input: Screening['input']): Float32Array {
  const size = input.height * input.width * input.channels;
  const x = tf.tensor4d(images, [images.length / size, input.height, input.width, input.channels]);
  const latent = model.encoder.predict(x) as tf.Tensor;
  const image = model.decoder.predict(latent) as tf.Tensor;
  const values = image.dataSync() as Float32Array;
  for (const tensor of [x, latent, image]) tensor.dispose();
  return values;
}

/** NaN counts as infinitely far. */
export function largestDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual?.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs((actual[i] as number) - value);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}

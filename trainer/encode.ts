import * as tf from '@tensorflow/tfjs';
import { OPTIONAL_CLASS_SCORES } from '../attacks/losses/class-scores.ts';
import { imagesWithinMemory } from '../node/images-within-memory.ts';
import type { Covariances, Guarantee, Screening } from '../shared/bundle/screening-schema.ts';
import { latentDistance, nearestMean, precisionsOf } from '../shared/decision/latent-space.ts';
import { type Scores, withDerived } from '../shared/decision/scores.ts';
import { OPTIONAL_GRAPH_SCORES, type OptionalScore } from '../shared/score-table.ts';
import { batchesAt, type LabelledImages } from './data/dataset.ts';
import type { Model } from './model/build-model.ts';

/** The latent and the scores of one image that need neither covariances nor thresholds. */
export type Encoding = Omit<Scores, 'label' | 'latentDistance'> & {
  /** f(x), d values. */
  latent: number[];
};

/** Everything that the scores depend on besides the model. */
export interface ScoreSettings {
  means: number[][];
  relativeErrorOffset: number;
  /** The optional scores that are tested. */
  scores: readonly OptionalScore[];
  /** Needed by the rival margin. */
  guarantee?: Guarantee | undefined;
}

/** Most images in a batch. */
const AT_ONCE = 500;

/**
 * Encodes and reconstructs images, without noise.
 *
 * @param images [n, H, W, C] flat, in [0, 1]
 */
export function encode(model: Model, images: Float32Array, input: Screening['input'], settings: ScoreSettings): Encoding[] {
  const size = input.height * input.width * input.channels;
  const atOnce = imagesWithinMemory(input, AT_ONCE);
  const encodings: Encoding[] = [];
  const scored = { ...model, means: settings.means, guarantee: settings.guarantee };
  const optional = OPTIONAL_GRAPH_SCORES.filter((name) => settings.scores.includes(name));
  for (let first = 0; first < images.length / size; first += atOnce) {
    const part = images.subarray(first * size, (first + atOnce) * size);
    const count = part.length / size;
    const [latents, errors, ofClasses] = tf.tidy(() => {
      const x = tf.tensor4d(part, [count, input.height, input.width, input.channels]);
      const z = model.encoder.predict(x) as tf.Tensor2D;
      const reconstructions = model.decoder.predict(z) as tf.Tensor4D;
      const error = tf.squaredDifference(x, reconstructions).sum([1, 2, 3]) as tf.Tensor1D;
      const explained = { images: x, latents: z, reconstructions, errors: error };
      const each = optional.map((name) => OPTIONAL_CLASS_SCORES[name](scored, explained).arraySync());
      return [z.arraySync(), error.dataSync(), each] as const;
    });
    latents.forEach((latent, i) => {
      const image = part.subarray(i * size, (i + 1) * size);
      const label = nearestMean(latent, settings.means);
      const answered = Object.fromEntries(optional.map((name, at) => [name, scoreOf(ofClasses[at]?.[i] as number[], label)]));
      encodings.push(withDerived({ latent, reconstructionError: errors[i] as number, ...answered }, image, settings));
    });
  }
  return encodings;
}

/**
 * Encodes the images at `indices` in batches, so that a large data set is never in memory as floats.
 *
 * @throws the signal's reason, where it is aborted between two batches
 */
export async function encodeAt(
  model: Model,
  images: LabelledImages,
  indices: readonly number[],
  input: Screening['input'],
  settings: ScoreSettings,
  signal?: AbortSignal,
): Promise<Encoding[]> {
  const encodings: Encoding[] = [];
  for (const batch of batchesAt(images, indices, imagesWithinMemory(input, AT_ONCE))) {
    encodings.push(...encode(model, batch, input, settings));
    // Ctrl-C is seen only when the event loop gets a turn.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
  return encodings;
}

/** Picks the score of a label; a score that is the same for all classes stands there once. */
const scoreOf = (ofClasses: readonly number[], label: number) => ofClasses[ofClasses.length === 1 ? 0 : label];

/** Returns the scores that the decision needs. */
export function scoresOf(encodings: readonly Encoding[], means: readonly number[][], covariances: Covariances): Scores[] {
  const precisions = precisionsOf(covariances, means[0]?.length ?? 0);
  return encodings.map(({ latent, ...others }) => {
    const label = nearestMean(latent, means);
    const distance = latentDistance(latent, means[label] as number[], precisions[label] as number[][]);
    return { label, latentDistance: distance, ...others };
  });
}

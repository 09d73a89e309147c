import * as tf from '@tensorflow/tfjs';
import { randomFrom } from '../shared/random.ts';
import { sizeOf, tensorOf, type Victim } from './victim.ts';
import { type AdamOptions, withAdam } from './with-adam.ts';

/** How much the two terms of the decision weigh against the size of the change: a and b of Eq. 10. */
export interface Weights {
  a: number;
  b: number;
}

export const WHITEBOX: Weights & AdamOptions = { a: 100, b: 2, steps: 300, learningRate: 0.01 };
export const FOOLING: Weights & AdamOptions = { a: 100, b: 2, steps: 300, learningRate: 0.02 };

/**
 * The paper's targeted white-box attack, Eq. 10 as we read it: Adam on eta, from 0, for
 * ||eta||^2 + a ||f(x + eta) - mu_t||^2 + b ||x + eta - g(f(x + eta))||^2, the images kept in [0, 1].
 *
 * @param images [N, H, W, C] flat
 * @param targets the class that each is to be taken for
 */
export function paperWhitebox(victim: Victim, images: Float32Array, targets: number[], options = WHITEBOX): Float32Array {
  const origin = tensorOf(victim, images);
  const lossOf = (x: tf.Tensor4D) =>
    tf
      .squaredDifference(x, origin)
      .sum([1, 2, 3])
      .add(classLoss(victim, x, targets, options)) as tf.Tensor1D;
  return valuesOf(origin, withAdam(origin, options, lossOf, inRange));
}

/**
 * The paper's fooling images, Eq. 11: from uniform noise, a ||f(x) - mu_t||^2 + b ||x - g(f(x))||^2 by Adam: nothing keeps the image near anything.
 *
 * @param seeds of each image's noise
 */
export function foolingImages(victim: Victim, targets: number[], seeds: number[], options = FOOLING): Float32Array {
  const size = sizeOf(victim.input);
  const noise = new Float32Array(seeds.length * size);
  for (const [n, seed] of seeds.entries()) {
    const random = randomFrom(seed, 'fooling');
    for (let i = n * size; i < (n + 1) * size; i++) noise[i] = random.uniform();
  }
  const start = tensorOf(victim, noise);
  return valuesOf(
    start,
    withAdam(start, options, (x) => classLoss(victim, x, targets, options), inRange),
  );
}

function classLoss({ encoder, decoder, means }: Victim, images: tf.Tensor4D, targets: number[], { a, b }: Weights): tf.Tensor1D {
  const latents = encoder.apply(images) as tf.Tensor2D;
  const mean = tf.tensor2d(targets.map((target) => means[target] as number[]));
  const away = tf.squaredDifference(latents, mean).sum(1);
  const errors = tf.squaredDifference(images, decoder.apply(latents) as tf.Tensor4D).sum([1, 2, 3]);
  return away.mul(a).add(errors.mul(b)) as tf.Tensor1D;
}

const inRange = (images: tf.Tensor4D) => tf.clipByValue(images, 0, 1) as tf.Tensor4D;

function valuesOf(start: tf.Tensor4D, images: tf.Tensor4D): Float32Array {
  const values = images.dataSync() as Float32Array;
  tf.dispose([start, images]);
  return values;
}

import * as tf from '@tensorflow/tfjs';
import { adam, type Betas, noMoments } from './adam.ts';

// Shorter than Adam's own memory (.999): at a wrong class's border gradients fall by orders of magnitude, and would be measured by the first ones.
const BETAS: Betas = [0.9, 0.98];

export interface AdamOptions {
  steps: number;
  learningRate: number;
}

/**
 * Minimises a loss of images by Adam, each image on its own.
 *
 * @param start [N, H, W, C]; kept
 * @param lossOf [N, H, W, C] → [N]
 * @param constrained brings images back to where they may be
 * @param seen is shown each step's images before they move; it keeps none
 * @returns the last images, to be disposed of by the caller
 */
export function withAdam(
  start: tf.Tensor4D,
  { steps, learningRate }: AdamOptions,
  lossOf: (images: tf.Tensor4D) => tf.Tensor1D,
  constrained: (images: tf.Tensor4D) => tf.Tensor4D,
  seen: (images: tf.Tensor4D) => void = () => {},
): tf.Tensor4D {
  let images = start.clone();
  let moments = noMoments(start);
  for (let step = 0; step < steps; step++) {
    seen(images);
    const gradients = tf.tidy(() => tf.grad((x) => lossOf(x as tf.Tensor4D).sum())(images) as tf.Tensor4D);
    const { change, moments: next } = adam(gradients, moments, BETAS);
    const moved = tf.tidy(() => constrained(images.sub(change.mul(learningRate)) as tf.Tensor4D));
    tf.dispose([images, gradients, change, moments.mean, moments.square]);
    [images, moments] = [moved, next];
  }
  seen(images);
  tf.dispose([moments.mean, moments.square]);
  return images;
}

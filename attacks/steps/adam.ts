import * as tf from '@tensorflow/tfjs';
import { type Norm, scaledToLargest, steepest, withinRange } from './projection.ts';

/** The averages of the gradients and of their squares, after so many steps. */
export interface Moments<T extends tf.Tensor = tf.Tensor4D> {
  steps: number;
  mean: T;
  square: T;
}

/** The shares of the two averages that each step keeps. */
export type Betas = readonly [number, number];

const DIRECTION_BETAS: Betas = [0.9, 0.99];
/**
 * A shorter memory than Adam's usual .999: at the border of a wrong class gradients fall by orders of magnitude, and the first ones would
 * set the scale.
 */
const MINIMISE_BETAS: Betas = [0.9, 0.98];
const TINY = 1e-8;

export function noMoments<T extends tf.Tensor>(like: T): Moments<T> {
  return { steps: 0, mean: tf.zerosLike(like), square: tf.zerosLike(like) };
}

/**
 * Adam (Kingma and Ba, ICLR 2015, Algorithm 1): the average gradient over the root of the average square, both corrected for their start
 * at 0.
 *
 * @returns the step to subtract, before the learning rate, and the new moments; the caller disposes of both and of the old moments
 */
export function adam<T extends tf.Tensor>(gradients: T, before: Moments<T>, [beta1, beta2]: Betas): { step: T; moments: Moments<T> } {
  const steps = before.steps + 1;
  const [step, mean, square] = tf.tidy(() => {
    const mean = before.mean.mul(beta1).add(gradients.mul(1 - beta1)) as T;
    const square = before.square.mul(beta2).add(gradients.square().mul(1 - beta2)) as T;
    const deviation = square
      .div(1 - beta2 ** steps)
      .sqrt()
      .add(TINY);
    return [mean.div(1 - beta1 ** steps).div(deviation) as T, mean, square] as [T, T, T];
  });
  return { step, moments: { steps, mean, square } };
}

/**
 * Adam's step with a length of about 1: each value within 1 for linf, length 1 for l2, its largest value 1 for l0. It is smoother than the
 * sign alone, which on the joint decision jumps between its tests. In l2 and l0 it moves only values that the step does not push out of
 * [0, 1].
 *
 * @param gradients at `images`
 * @returns the direction and the new moments; the caller disposes of both and of the old moments
 */
export function adamDirection(
  gradients: tf.Tensor4D,
  images: tf.Tensor4D,
  before: Moments,
  norm: Norm,
): { direction: tf.Tensor4D; moments: Moments } {
  // Scaled for each image, as gradients fall by orders of magnitude on the way.
  const scaled = tf.tidy(() => scaledToLargest(norm === 'linf' ? gradients : downhill(gradients, images)));
  const { step, moments } = adam(scaled, before, DIRECTION_BETAS);
  scaled.dispose();
  if (norm === 'linf') return { direction: step, moments };
  const direction = tf.tidy(() => steepest(downhill(step, images), norm));
  step.dispose();
  return { direction, moments };
}

/** Keeps of a gradient what the descent can follow within [0, 1]. */
export const downhill = (gradients: tf.Tensor4D, images: tf.Tensor4D): tf.Tensor4D =>
  tf.tidy(() => withinRange(gradients.neg(), images).neg());

export interface AdamOptions {
  steps: number;
  learningRate: number;
}

/**
 * Minimises a loss over images by Adam, each image on its own; images are clipped to [0, 1].
 *
 * @param start [N, H, W, C]; not disposed of
 * @param lossOf [N, H, W, C] → [N]
 * @param visit is called with each step's images before they move
 * @returns the last images, which the caller disposes of
 */
export function minimise(
  start: tf.Tensor4D,
  { steps, learningRate }: AdamOptions,
  lossOf: (images: tf.Tensor4D) => tf.Tensor1D,
  visit: (images: tf.Tensor4D) => void = () => {},
): tf.Tensor4D {
  let images = start.clone();
  let moments = noMoments(start);
  for (let i = 0; i < steps; i++) {
    visit(images);
    const gradients = tf.tidy(() => tf.grad((x) => lossOf(x as tf.Tensor4D).sum())(images) as tf.Tensor4D);
    const { step, moments: next } = adam(gradients, moments, MINIMISE_BETAS);
    const moved = tf.tidy(() => tf.clipByValue(images.sub(step.mul(learningRate)), 0, 1) as tf.Tensor4D);
    tf.dispose([images, gradients, step, moments.mean, moments.square]);
    [images, moments] = [moved, next];
  }
  visit(images);
  tf.dispose([moments.mean, moments.square]);
  return images;
}

import * as tf from '@tensorflow/tfjs';
import { type Norm, steepest } from './ball.ts';

/** Averages of the gradients of some images and of their squares. */
export interface Moments {
  steps: number;
  mean: tf.Tensor4D;
  square: tf.Tensor4D;
}

const [BETA1, BETA2] = [0.9, 0.99];

export function noMoments(images: tf.Tensor4D): Moments {
  return { steps: 0, mean: tf.zerosLike(images), square: tf.zerosLike(images) };
}

/**
 * Where Adam would go, as a change of about length 1: within 1 of each value for linf, of length 1 for l2. Smoother than the sign alone,
 * which on the joint decision jumps between its tests.
 *
 * @returns the change, and the moments in place of the old ones, all to be disposed of by the caller
 */
export function adamDirection(gradients: tf.Tensor4D, before: Moments, norm: Norm): { direction: tf.Tensor4D; moments: Moments } {
  const steps = before.steps + 1;
  const [direction, mean, square] = tf.tidy(() => {
    // Each image's gradients to scale: they fall by orders of magnitude on the way.
    const scaled = gradients.div(gradients.abs().max([1, 2, 3], true).add(1e-30));
    const mean = before.mean.mul(BETA1).add(scaled.mul(1 - BETA1)) as tf.Tensor4D;
    const square = before.square.mul(BETA2).add(scaled.square().mul(1 - BETA2)) as tf.Tensor4D;
    const deviation = square
      .div(1 - BETA2 ** steps)
      .sqrt()
      .add(1e-8);
    const change = mean.div(1 - BETA1 ** steps).div(deviation) as tf.Tensor4D;
    return [norm === 'linf' ? change : steepest(change, norm), mean, square] as const;
  });
  return { direction, moments: { steps, mean, square } };
}

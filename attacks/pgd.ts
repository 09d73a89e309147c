import * as tf from '@tensorflow/tfjs';
import { randomFrom } from '../shared/random.ts';
import { projected, signOf } from './ball.ts';
import { encoderGradient } from './encoder-loss.ts';
import type { StepOptions } from './momentum.ts';
import { sizeOf, tensorOf, type Victim } from './victim.ts';

/** The defaults of cleverhans, which the paper used. */
export const PGD_DEFAULTS: StepOptions = { eps: 0.3, step: 0.01, steps: 40 };

/**
 * Projected gradient descent (Madry et al., ICLR 2018) on the encoder, from a random point of the ball.
 *
 * @param images [N, H, W, C] flat
 * @param labels the true classes
 * @param seeds of each image's start, so that it does not depend on the batch it is in
 */
export function projectedGradient(
  victim: Victim,
  images: Float32Array,
  labels: number[],
  seeds: number[],
  { eps, step, steps }: StepOptions,
): Float32Array {
  const origin = tensorOf(victim, images);
  let image = tf.tidy(() => projected(tensorOf(victim, randomStarts(images, sizeOf(victim.input), seeds, eps)), origin, 'linf', eps));
  for (let i = 0; i < steps; i++) {
    const next = tf.tidy(() => {
      const moved = image.add(signOf(encoderGradient(victim, image, labels)).mul(step)) as tf.Tensor4D;
      return projected(moved, origin, 'linf', eps);
    });
    image.dispose();
    image = next;
  }
  const attacked = image.dataSync() as Float32Array;
  tf.dispose([origin, image]);
  return attacked;
}

/** Uniform in the ball of the maximum norm about each image. */
export function randomStarts(images: Float32Array, size: number, seeds: number[], eps: number): Float32Array {
  const starts = images.slice();
  for (const [n, seed] of seeds.entries()) {
    const random = randomFrom(seed, 'start');
    for (let i = n * size; i < (n + 1) * size; i++) starts[i] = (starts[i] as number) + (2 * random.uniform() - 1) * eps;
  }
  return starts;
}

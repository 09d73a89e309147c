import * as tf from '@tensorflow/tfjs';
import { randomFrom } from '../../shared/random.ts';

/** `linf`: the largest change of a value; `l2`: the root of the sum of squares over all values of an image in [0, 1]. */
export type Norm = 'linf' | 'l2';
export const NORMS: readonly Norm[] = ['linf', 'l2'];

/** The ball about an image that an attack stays in. */
export interface Ball {
  norm: Norm;
  /** in the units of the norm, images in [0, 1] */
  radius: number;
}

/** The length of each perturbation: [N, H, W, C] → [N, 1, 1, 1]. */
export function lengths(perturbations: tf.Tensor4D, norm: Norm): tf.Tensor4D {
  return (norm === 'linf' ? perturbations.abs().max([1, 2, 3], true) : perturbations.square().sum([1, 2, 3], true).sqrt()) as tf.Tensor4D;
}

/**
 * Projects images onto the ball about `centres` and onto [0, 1]. For l2 one follows the other, which satisfies both but is not quite the
 * nearest point.
 *
 * @param radii [N, 1, 1, 1], or one for all
 */
export function projectToBall(images: tf.Tensor4D, centres: tf.Tensor4D, norm: Norm, radii: tf.Tensor | number): tf.Tensor4D {
  return tf.tidy(() => {
    const perturbations = images.sub(centres) as tf.Tensor4D;
    const radius = typeof radii === 'number' ? tf.scalar(radii) : radii;
    const bounded =
      norm === 'linf'
        ? tf.minimum(tf.maximum(perturbations, radius.neg()), radius)
        : perturbations.mul(tf.minimum(1, radius.div(lengths(perturbations, norm).add(1e-12))));
    // Clipping to [0, 1] moves towards the centre, which lies in there, and so never out of the ball.
    return tf.clipByValue(centres.add(bounded), 0, 1) as tf.Tensor4D;
  });
}

/** The direction of length 1 that the loss rises fastest in, to first order: the sign for linf, the normalised gradient for l2. */
export function steepest(gradients: tf.Tensor4D, norm: Norm): tf.Tensor4D {
  return tf.tidy(() => {
    if (norm === 'linf') return signOf(gradients);
    // In two steps, as the squares of a confident model's gradients are below what float32 holds.
    const scaled = scaledToLargest(gradients);
    return scaled.div(lengths(scaled, 'l2').add(1e-12)) as tf.Tensor4D;
  });
}

/** Divides each image's gradient by its largest value. */
export function scaledToLargest(gradients: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => gradients.div(gradients.abs().max([1, 2, 3], true).add(1e-30)) as tf.Tensor4D);
}

/** -1, 0 or 1. tf.sign on wasm (tfjs 4.22) answers 0 below about 1e-7, where a confident model's gradients lie. */
export function signOf<T extends tf.Tensor>(values: T): T {
  return tf.sub(tf.cast(tf.greater(values, 0), 'float32'), tf.cast(tf.less(values, 0), 'float32')) as T;
}

/** Measures the distance of each flat image in `a` to its counterpart in `b`. */
export function distances(a: Float32Array, b: Float32Array, size: number, norm: Norm): number[] {
  return Array.from({ length: a.length / size }, (_, n) => {
    let [sum, most] = [0, 0];
    for (let i = n * size; i < (n + 1) * size; i++) {
      const difference = Math.abs((a[i] as number) - (b[i] as number));
      sum += difference * difference;
      most = Math.max(most, difference);
    }
    return norm === 'linf' ? most : Math.sqrt(sum);
  });
}

/** Draws a uniform point of the linf ball about each flat image, each from its own seed. */
export function randomInBall(images: Float32Array, size: number, seeds: readonly number[], radius: number): Float32Array {
  const points = images.slice();
  for (const [n, seed] of seeds.entries()) {
    const random = randomFrom(seed, 'start');
    for (let i = n * size; i < (n + 1) * size; i++) points[i] = (points[i] as number) + (2 * random.uniform() - 1) * radius;
  }
  return points;
}

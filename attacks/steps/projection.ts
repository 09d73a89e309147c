import * as tf from '@tensorflow/tfjs';
import { randomFrom } from '../../shared/random.ts';
import { type ImageShape, sizeOf } from '../tensors.ts';

/**
 * `linf`: the largest change of a value; `l2`: the root of the sum of squares over all values of an image in [0, 1]; `l0`: the number of
 * pixels that are changed, each by any amount and in any of its channels.
 */
export type Norm = 'linf' | 'l2' | 'l0';
export const NORMS: readonly Norm[] = ['linf', 'l2', 'l0'];
/** The norms in which every pixel may change a little. */
export type DenseNorm = Exclude<Norm, 'l0'>;
export const DENSE_NORMS: readonly DenseNorm[] = ['linf', 'l2'];

/** The ball about an image that an attack stays in. */
export interface Ball {
  norm: Norm;
  /** in the units of the norm, images in [0, 1] */
  radius: number;
}

/** The length of each perturbation: [N, H, W, C] → [N, 1, 1, 1]. */
export function lengths(perturbations: tf.Tensor4D, norm: Norm): tf.Tensor4D {
  const over = [1, 2, 3];
  if (norm === 'linf') return perturbations.abs().max(over, true) as tf.Tensor4D;
  if (norm === 'l2') return perturbations.square().sum(over, true).sqrt() as tf.Tensor4D;
  return perturbations.notEqual(0).any(3, true).cast('float32').sum(over, true) as tf.Tensor4D;
}

/**
 * The unit that steps are measured in, within balls of these radii: the radius for linf and l2. A pixel that may change at all in l0 may
 * change by any amount, so there it is the whole range of a value.
 */
export const stepUnit = <T extends tf.Tensor | number>(norm: Norm, radius: T): T | 1 => (norm === 'l0' ? 1 : radius);

/**
 * Projects images onto the ball about `centres` and onto [0, 1]. For l2 one follows the other, which satisfies both but is not quite the
 * nearest point; for linf and l0 it is.
 *
 * @param radii [N, 1, 1, 1], or one for all; for l0 rounded down
 */
export function projectToBall(images: tf.Tensor4D, centres: tf.Tensor4D, norm: Norm, radii: tf.Tensor | number): tf.Tensor4D {
  return tf.tidy(() => {
    const perturbations = images.sub(centres) as tf.Tensor4D;
    const radius = typeof radii === 'number' ? tf.scalar(radii) : radii;
    if (norm === 'l0') return fewestPixels(perturbations, centres, radius);
    const bounded =
      norm === 'linf'
        ? tf.minimum(tf.maximum(perturbations, radius.neg()), radius)
        : perturbations.mul(tf.minimum(1, radius.div(lengths(perturbations, norm).add(1e-12))));
    // Clipping to [0, 1] moves towards the centre, which lies in there, and so never out of the ball.
    return tf.clipByValue(centres.add(bounded), 0, 1) as tf.Tensor4D;
  });
}

/**
 * Keeps the pixels that bring the image nearest to where it should go, clipped to [0, 1], and resets all others (Croce and Hein, ICCV 2019,
 * section 3.1). With a the wanted change of a value and c what of it remains in [0, 1], a pixel is worth the sum of a^2 - (a - c)^2.
 */
function fewestPixels(perturbations: tf.Tensor4D, centres: tf.Tensor4D, radius: tf.Tensor): tf.Tensor4D {
  const [n, height, width] = perturbations.shape;
  const pixels = height * width;
  const clipped = tf.clipByValue(centres.add(perturbations), 0, 1);
  const changes = clipped.sub(centres);
  const worth = changes.mul(perturbations.mul(2).sub(changes)).sum(3).reshape([n, pixels]) as tf.Tensor2D;
  const most = Array.from(radius.dataSync(), (one) => Math.min(Math.floor(one), pixels));
  const { indices } = tf.topk(worth, Math.max(1, ...most));
  const ranked = indices.dataSync();
  const kept = new Float32Array(n * pixels);
  for (let row = 0; row < n; row++)
    for (let rank = 0; rank < (most[row] ?? (most[0] as number)); rank++)
      kept[row * pixels + (ranked[(row * ranked.length) / n + rank] as number)] = 1;
  return tf.where(tf.tensor4d(kept, [n, height, width, 1]).cast('bool'), clipped, centres) as tf.Tensor4D;
}

/**
 * The direction that the loss rises fastest in, to first order: the sign for linf, the normalised gradient for l2. For l0 it is the
 * gradient with its largest value 1, of which the projection keeps the largest.
 */
export function steepest(gradients: tf.Tensor4D, norm: Norm): tf.Tensor4D {
  return tf.tidy(() => {
    if (norm === 'linf') return signOf(gradients);
    // In two steps, as the squares of a confident model's gradients are below what float32 holds.
    const scaled = scaledToLargest(gradients);
    return norm === 'l0' ? scaled : (scaled.div(lengths(scaled, 'l2').add(1e-12)) as tf.Tensor4D);
  });
}

/**
 * Sets a direction to 0 where it leaves [0, 1] at once: upwards at 1, downwards at 0. In l2 the values that can move then share the whole
 * length of a step; of an image of strokes, most of whose values are 0 or 1, the step would lose most of it to clipping.
 *
 * @param directions in which the images move, [N, H, W, C]
 */
export function withinRange(directions: tf.Tensor4D, images: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const leaves = directions
      .less(0)
      .logicalAnd(images.lessEqual(0))
      .logicalOr(directions.greater(0).logicalAnd(images.greaterEqual(1)));
    return tf.where(leaves, tf.zerosLike(directions), directions) as tf.Tensor4D;
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
export function distances(a: Float32Array, b: Float32Array, input: ImageShape, norm: Norm): number[] {
  const size = sizeOf(input);
  return Array.from({ length: a.length / size }, (_, n) => {
    let [sum, most, pixels, lastPixel] = [0, 0, 0, -1];
    for (let i = n * size; i < (n + 1) * size; i++) {
      const difference = Math.abs((a[i] as number) - (b[i] as number));
      sum += difference * difference;
      most = Math.max(most, difference);
      const pixel = Math.floor(i / input.channels);
      if (difference === 0 || pixel === lastPixel) continue;
      pixels++;
      lastPixel = pixel;
    }
    return { linf: most, l2: Math.sqrt(sum), l0: pixels }[norm];
  });
}

/**
 * Draws a uniform point of the linf ball about each flat image, each from its own seed. The projection onto the ball of another norm brings
 * it in there.
 */
export function randomInBall(images: Float32Array, size: number, seeds: readonly number[], radius: number): Float32Array {
  const points = images.slice();
  for (const [n, seed] of seeds.entries()) {
    const random = randomFrom(seed, 'start');
    for (let i = n * size; i < (n + 1) * size; i++) points[i] = (points[i] as number) + (2 * random.uniform() - 1) * radius;
  }
  return points;
}

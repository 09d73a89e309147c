import * as tf from '@tensorflow/tfjs';

/** `linf`: the largest change of a value; `l2`: the root of the sum of squares over all values of an image in [0, 1]. */
export type Norm = 'linf' | 'l2';
export const NORMS: readonly Norm[] = ['linf', 'l2'];

/** What an attacker may change. */
export interface Budget {
  norm: Norm;
  /** in the units of the norm, images in [0, 1] */
  eps: number;
}

/** Of each image: [N, H, W, C] → [N, 1, 1, 1]. */
export function lengths(changes: tf.Tensor4D, norm: Norm): tf.Tensor4D {
  return (norm === 'linf' ? changes.abs().max([1, 2, 3], true) : changes.square().sum([1, 2, 3], true).sqrt()) as tf.Tensor4D;
}

/**
 * The nearest images that are within the radius of `centres` and in [0, 1]. (For l2 the two are met one after the other, which keeps
 * both but is not quite the nearest.)
 *
 * @param radii [N, 1, 1, 1], or one for all
 */
export function projected(images: tf.Tensor4D, centres: tf.Tensor4D, norm: Norm, radii: tf.Tensor | number): tf.Tensor4D {
  return tf.tidy(() => {
    const changes = images.sub(centres) as tf.Tensor4D;
    const radius = typeof radii === 'number' ? tf.scalar(radii) : radii;
    const within =
      norm === 'linf'
        ? tf.minimum(tf.maximum(changes, radius.neg()), radius)
        : changes.mul(tf.minimum(1, radius.div(lengths(changes, norm).add(1e-12))));
    // Clipping to [0, 1] moves towards the centre, which is in there: never out of the ball.
    return tf.clipByValue(centres.add(within), 0, 1) as tf.Tensor4D;
  });
}

/** The change of length 1 that descends fastest to first order: the sign for linf, the normalised gradient for l2. */
export function steepest(gradients: tf.Tensor4D, norm: Norm): tf.Tensor4D {
  return tf.tidy(() => {
    if (norm === 'linf') return signOf(gradients);
    // In two steps: the squares of a confident model's gradients are below what float32 holds.
    const scaled = toScale(gradients);
    return scaled.div(lengths(scaled, 'l2').add(1e-12)) as tf.Tensor4D;
  });
}

/** Each image's gradient over its largest value. */
export function toScale(gradients: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => gradients.div(gradients.abs().max([1, 2, 3], true).add(1e-30)) as tf.Tensor4D);
}

/** -1, 0 or 1. Not tf.sign: on wasm (tfjs 4.22) that answers 0 below about 1e-7, where a confident model's gradients lie. */
export function signOf<T extends tf.Tensor>(values: T): T {
  return tf.sub(tf.cast(tf.greater(values, 0), 'float32'), tf.cast(tf.less(values, 0), 'float32')) as T;
}

/** Of flat images, each to its counterpart. */
export function distances(a: Float32Array, b: Float32Array, size: number, norm: Norm): number[] {
  return Array.from({ length: a.length / size }, (_, n) => {
    let [sum, most] = [0, 0];
    for (let i = n * size; i < (n + 1) * size; i++) {
      const change = Math.abs((a[i] as number) - (b[i] as number));
      sum += change * change;
      most = Math.max(most, change);
    }
    return norm === 'linf' ? most : Math.sqrt(sum);
  });
}

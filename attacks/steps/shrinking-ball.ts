import type * as tf from '@tensorflow/tfjs';

/**
 * Returns the radii of balls that shrink geometrically: reach^(1 - share) radius, which is reach times the radius at first and the radius at
 * the end. An image of another class lies far outside of an l2 ball, and where it is projected onto the ball at once the gradient says
 * nothing about that class any more; from a larger ball it is drawn in while it still looks like that class.
 *
 * @param radii the last ones, [N, 1, 1, 1]
 * @param reaches [N, 1, 1, 1], at least 1
 * @param share of the way that is done, 0 to 1
 * @returns [N, 1, 1, 1]
 */
export function shrunkenRadii(radii: tf.Tensor4D, reaches: tf.Tensor4D, share: number): tf.Tensor4D {
  return radii.mul(reaches.pow(1 - share));
}

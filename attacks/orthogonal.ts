import * as tf from '@tensorflow/tfjs';

/** What is left of each gradient without its part along the other one: [N, H, W, C] both. */
export function orthogonalTo(gradients: tf.Tensor4D, others: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    // The squares of small gradients are below what float32 holds.
    const unit = others.div(others.abs().max([1, 2, 3], true).add(1e-30));
    const along = gradients
      .mul(unit)
      .sum([1, 2, 3], true)
      .div(unit.square().sum([1, 2, 3], true).add(1e-12));
    return gradients.sub(unit.mul(along)) as tf.Tensor4D;
  });
}

import * as tf from '@tensorflow/tfjs';
import type { Model } from './build-model.ts';

export interface LossParts {
  /** Mean over the batch of ||x - g(f(x) + e)||^2 */
  reconstruction: tf.Scalar;
  /** Mean over the batch of ||f(x) - mu_y||^2, without its weight */
  latent: tf.Scalar;
  /** reconstruction + latentWeight * latent */
  total: tf.Scalar;
}

/**
 * The supervised loss, Eq. 7 of the paper: ||x - g(f(x) + e)||^2 + latentWeight * ||f(x) - mu_y||^2.
 *
 * @param images [N, H, W, C] in [0, 1]
 * @param targets mu_y of each image, [N, d]
 * @param noise e, [N, d], drawn from N(0, encoderNoise I)
 */
export function supervisedLoss(
  { encoder, decoder }: Model,
  images: tf.Tensor4D,
  targets: tf.Tensor2D,
  noise: tf.Tensor2D,
  latentWeight: number,
): LossParts {
  const latents = encoder.apply(images, { training: true }) as tf.Tensor2D; // [N, d]
  const reconstructions = decoder.apply(tf.add(latents, noise), { training: true }) as tf.Tensor4D; // [N, H, W, C]
  const count = images.shape[0];
  const reconstruction = tf.squaredDifference(images, reconstructions).sum().div(count) as tf.Scalar;
  const latent = tf.squaredDifference(latents, targets).sum().div(count) as tf.Scalar;
  return { reconstruction, latent, total: reconstruction.add(latent.mul(latentWeight)) as tf.Scalar };
}

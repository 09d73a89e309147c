import * as tf from '@tensorflow/tfjs';
import type { Model } from '../model/build-model.ts';
import { supervisedLoss } from '../model/loss.ts';

/** Images with their targets, and the noise drawn for them; rows belong together. */
export interface Part {
  /** [count, H, W, C] flat, in [0, 1] */
  images: Float32Array;
  /** mu_y, [count, d] flat */
  targets: Float32Array;
  /** [count, d] flat */
  noise: Float32Array;
  count: number;
}

/** Means over the part. */
export type Losses = Record<'reconstruction' | 'latent' | 'total', number>;

/** The trainable weights, the encoder's first, in the order in which they were made: also that of gradients and moments. */
export function weightsOf({ encoder, decoder }: Model): tf.Variable[] {
  return [encoder, decoder].flatMap((model) => model.trainableWeights.map((weight) => weight.read() as tf.Variable));
}

/**
 * Loss (Eq. 7) and its gradient for one part of a batch, both means over the part.
 *
 * @returns `gradients`, one for each weight, to be disposed of by the caller
 */
export function lossGradients(
  model: Model,
  part: Part,
  shape: [number, number, number],
  latentWeight: number,
): { losses: Losses; gradients: tf.Tensor[] } {
  const weights = weightsOf(model);
  let losses: Losses = { reconstruction: Number.NaN, latent: Number.NaN, total: Number.NaN };
  const gradients = tf.tidy(() => {
    const images = tf.tensor4d(part.images, [part.count, ...shape]);
    const d = part.targets.length / part.count;
    const [targets, noise] = [part.targets, part.noise].map((values) => tf.tensor2d(values, [part.count, d])) as [tf.Tensor2D, tf.Tensor2D];
    const parts: tf.Scalar[] = [];
    const { value, grads } = tf.variableGrads(() => {
      const { total, reconstruction, latent } = supervisedLoss(model, images, targets, noise, latentWeight);
      parts.push(tf.keep(reconstruction), tf.keep(latent));
      return total;
    }, weights);
    const [total, reconstruction, latent] = [value, ...parts].map((scalar) => scalar.dataSync()[0]) as [number, number, number];
    losses = { reconstruction, latent, total };
    tf.dispose(parts);
    return weights.map(({ name }) => grads[name] as tf.Tensor);
  });
  return { losses, gradients };
}

import * as tf from '@tensorflow/tfjs';
import type { EncoderModel } from '../attack.ts';

/** The encoder has no logits: -||z - mu_j||^2 / T takes their place. */
const TEMPERATURE = 0.1;

/** The cross-entropy of each label over -||f(x) - mu_j||^2 / T, [N], which the attacks that know the encoder alone maximise. */
export function crossEntropy({ encoder, means }: Omit<EncoderModel, 'input'>, images: tf.Tensor, labels: ArrayLike<number>): tf.Tensor1D {
  const latents = encoder.apply(images) as tf.Tensor2D; // [N, d]
  const fromMeans = tf.sub(tf.expandDims(latents, 1), tf.tensor2d(means)); // [N, k, d]
  const logits = fromMeans.square().sum(2).div(-TEMPERATURE); // [N, k]
  const target = tf.oneHot(tf.tensor1d(Array.from(labels), 'int32'), means.length);
  return tf.neg(tf.sum(tf.mul(target, tf.logSoftmax(logits)), 1)) as tf.Tensor1D;
}

/** The gradient of the cross-entropy by the images, [N, H, W, C]: each image's own, as the loss is a sum. */
export function crossEntropyGradient(model: EncoderModel, images: tf.Tensor4D, labels: ArrayLike<number>): tf.Tensor4D {
  return tf.tidy(() => tf.grad((x) => crossEntropy(model, x, labels).sum())(images) as tf.Tensor4D);
}

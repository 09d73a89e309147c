import * as tf from '@tensorflow/tfjs';
import type { EncoderVictim } from './victim.ts';

/** There are no logits: -||z - mu_j||^2 / T takes their place. */
const TEMPERATURE = 0.1;

/** Cross-entropy of each label over -||f(x) - mu_j||^2 / T: [N]. What the paper's attacks, which know the encoder alone, make large. */
export function encoderCrossEntropy({ encoder, means }: EncoderVictim, images: tf.Tensor, labels: ArrayLike<number>): tf.Tensor1D {
  const latents = encoder.apply(images) as tf.Tensor2D; // [N, d]
  const away = tf.sub(tf.expandDims(latents, 1), tf.tensor2d(means)); // [N, k, d]
  const logits = away.square().sum(2).div(-TEMPERATURE); // [N, k]
  const target = tf.oneHot(tf.tensor1d(Array.from(labels), 'int32'), means.length);
  return tf.neg(tf.sum(tf.mul(target, tf.logSoftmax(logits)), 1)) as tf.Tensor1D;
}

/** Its gradient by the images, [N, H, W, C]: each image's own, as the loss is a sum. */
export function encoderGradient(victim: EncoderVictim, images: tf.Tensor4D, labels: ArrayLike<number>): tf.Tensor4D {
  return tf.tidy(() => tf.grad((x) => encoderCrossEntropy(victim, x, labels).sum())(images) as tf.Tensor4D);
}

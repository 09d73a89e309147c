import * as tf from '@tensorflow/tfjs';

/** What an attack on the encoder knows. */
export interface Victim {
  /** image [N, H, W, C] → latent [N, d] */
  encoder: tf.LayersModel;
  means: number[][];
}

/** There are no logits: -||z - mu_j||^2 / T takes their place. */
const TEMPERATURE = 0.1;

/** Mean cross-entropy of the labels over -||f(x) - mu_j||^2 / T. */
export function encoderCrossEntropy({ encoder, means }: Victim, images: tf.Tensor, labels: number[]): tf.Scalar {
  const latents = encoder.apply(images) as tf.Tensor2D; // [N, d]
  const away = tf.sub(tf.expandDims(latents, 1), tf.tensor2d(means)); // [N, k, d]
  const logits = away.square().sum(2).div(-TEMPERATURE); // [N, k]
  const target = tf.oneHot(tf.tensor1d(labels, 'int32'), means.length);
  return tf.neg(tf.sum(tf.mul(target, tf.logSoftmax(logits)))).div(labels.length) as tf.Scalar;
}

/**
 * Fast gradient sign method (Goodfellow et al., 2015) on the encoder: clip(x + eps * sign(grad of the cross-entropy)).
 *
 * @param images [N, H, W, C] flat, in [0, 1]
 * @param labels the true class of each
 * @param eps radius in the maximum norm, in [0, 1]
 * @returns images of the same shape, within eps of the given and in [0, 1]
 */
export function fgsm(
  victim: Victim,
  images: Float32Array,
  shape: [number, number, number, number],
  labels: number[],
  eps: number,
): Float32Array {
  return tf.tidy(() => {
    const x = tf.tensor4d(images, shape);
    const gradient = tf.grad((input) => encoderCrossEntropy(victim, input, labels))(x);
    return tf.clipByValue(x.add(signOf(gradient).mul(eps)), 0, 1).dataSync() as Float32Array;
  });
}

/** -1, 0 or 1. Not tf.sign: on wasm (tfjs 4.22) that answers 0 below about 1e-7, where a confident model's gradients lie. */
function signOf(values: tf.Tensor): tf.Tensor {
  return tf.sub(tf.cast(tf.greater(values, 0), 'float32'), tf.cast(tf.less(values, 0), 'float32'));
}

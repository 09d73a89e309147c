import * as tf from '@tensorflow/tfjs';
import { signOf } from './ball.ts';
import { encoderGradient } from './encoder-loss.ts';
import type { EncoderVictim } from './victim.ts';

/**
 * Fast gradient sign method (Goodfellow et al., 2015) on the encoder: clip(x + eps * sign(grad of the cross-entropy)).
 *
 * @param images [N, H, W, C] flat, in [0, 1]
 * @param labels the true class of each
 * @param eps radius in the maximum norm, in [0, 1]
 * @returns images of the same shape, within eps of the given and in [0, 1]
 */
export function fgsm(
  victim: EncoderVictim,
  images: Float32Array,
  shape: [number, number, number, number],
  labels: number[],
  eps: number,
): Float32Array {
  return tf.tidy(() => {
    const x = tf.tensor4d(images, shape);
    return tf.clipByValue(x.add(signOf(encoderGradient(victim, x, labels)).mul(eps)), 0, 1).dataSync() as Float32Array;
  });
}

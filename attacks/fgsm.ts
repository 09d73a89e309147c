import * as tf from '@tensorflow/tfjs';
import { type Attack, type EncoderModel, oneOfEach } from './attack.ts';
import { crossEntropyGradient } from './losses/cross-entropy.ts';
import { signOf } from './steps/projection.ts';
import { tensorOf } from './tensors.ts';

/** The fast gradient sign method (Goodfellow et al., 2015) on the encoder. */
export const fgsm: Attack<EncoderModel> = {
  name: 'FGSM',
  ...{ knowledge: 'white-box', norm: 'linf', kind: 'fixed radius', cost: 1, counts: 'every', source: import.meta.url },
  about: "fast gradient sign method on the encoder's cross-entropy over -||z - mu||^2 / 0.1: one gradient an image",
  run: async (model, images, labels, radius) => oneOfEach(fastGradientSign(model, images, labels, radius), labels),
};

/** Makes clip(x + radius * sign(gradient of the cross-entropy)) of each image, [N, H, W, C] flat. */
export function fastGradientSign(model: EncoderModel, images: Float32Array, labels: readonly number[], radius: number): Float32Array {
  return tf.tidy(() => {
    const x = tensorOf(model, images);
    return tf.clipByValue(x.add(signOf(crossEntropyGradient(model, x, labels)).mul(radius)), 0, 1).dataSync() as Float32Array;
  });
}

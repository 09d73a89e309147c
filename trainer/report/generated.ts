import * as tf from '@tensorflow/tfjs';
import type { Covariances } from '../../shared/bundle/screening-schema.ts';

import { randomFrom } from '../../shared/random.ts';
import { deviationsOf } from '../covariances.ts';
import type { Model } from '../model/build-model.ts';

/** With more classes than this, only the means are shown. */
const MOST_CLASSES = 20;
const SAMPLES = 11;
const AT_ONCE = 20;

/**
 * What the decoder makes of each class: of its mean, then of samples from N(mu_y, Sigma_y) (the paper's figure 2; of a full
 * covariance its diagonal).
 *
 * @returns images of [H, W, C], flat, one after the other; class by class, `perClass` each
 */
export function generate(model: Model, means: number[][], covariances: Covariances): { values: Float32Array; perClass: number } {
  const random = randomFrom(1, 'generated');
  const perClass = means.length <= MOST_CLASSES ? 1 + SAMPLES : 1;
  const latents = means.flatMap((mean, y) => {
    const deviations = deviationsOf(covariances, y, mean.length);
    return Array.from({ length: perClass }, (_, i) =>
      i === 0 ? mean : mean.map((value, j) => value + (deviations[j] as number) * random.normal()),
    );
  });
  const shape = model.decoder.outputs[0]?.shape.slice(1) as [number, number, number];
  const size = shape[0] * shape[1] * shape[2];
  const values = new Float32Array(latents.length * size);
  for (let first = 0; first < latents.length; first += AT_ONCE) {
    const part = latents.slice(first, first + AT_ONCE);
    values.set(
      tf.tidy(() => (model.decoder.predict(tf.tensor2d(part)) as tf.Tensor).dataSync()),
      first * size,
    );
  }
  return { values, perClass };
}

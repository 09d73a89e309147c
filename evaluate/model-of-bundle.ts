import * as tf from '@tensorflow/tfjs';
import { float32FromBase64 } from '../shared/bundle/float32-base64.ts';
import { BundleError } from '../shared/bundle/open-bundle.ts';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import type { Model } from '../trainer/model/build-model.ts';
import { rebuildModel } from './rebuild-model.ts';

/** Of the latent of the golden image, between tfjs and the exported graph. */
const TOLERANCE = 1e-3;

/**
 * The trained model that a bundle holds, for attacks that need gradients.
 *
 * @param directory of the bundle
 * @throws BundleError where it can't be rebuilt, or does not give the latent that the golden image should have
 */
export async function modelOfBundle(directory: string, { golden, input }: Screening): Promise<Model> {
  const model = await rebuildModel(directory);
  const latent = tf.tidy(() => {
    const image = tf.tensor4d(float32FromBase64(golden.image), [1, input.height, input.width, input.channels]);
    return Array.from((model.encoder.predict(image) as tf.Tensor).dataSync());
  });
  if (!latent.every((value, i) => Math.abs(value - (golden.latent[i] as number)) <= TOLERANCE))
    throw new BundleError(`${directory}: the model that is built from it gives another latent for the golden image than its graphs do`);
  return model;
}

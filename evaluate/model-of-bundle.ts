import * as tf from '@tensorflow/tfjs';
import { float32FromBase64 } from '../shared/float32-base64.ts';
import type { Screening } from '../shared/screening-schema.ts';
import type { Model } from '../trainer/model/build-model.ts';
import { loadRun, type Run, RunError } from '../trainer/run.ts';

/** Of the latent of the golden image, between tfjs and the exported graph. */
const TOLERANCE = 1e-3;

/**
 * The trained model that a bundle was exported from, for attacks that need gradients.
 *
 * @throws RunError where the run's encoder does not give the latent that the bundle's golden image should have
 */
export async function modelOfBundle(run: Run, screening: Screening): Promise<Model> {
  const { model } = await loadRun(run);
  const { height, width, channels } = screening.input;
  const shape = model.encoder.inputs[0]?.shape.slice(1).join('x');
  const wanted = `${height}x${width}x${channels}`;
  const latent = shape === wanted ? tf.tidy(() => Array.from(encodeGolden(model, screening))) : [];
  const same =
    latent.length === screening.golden.latent.length &&
    latent.every((value, i) => Math.abs(value - (screening.golden.latent[i] as number)) <= TOLERANCE);
  if (!same)
    throw new RunError(
      `run ${run.config.name} is not the one that ${screening.name} was exported from: its encoder gives another latent for the golden image. Name the right one with --run.`,
    );
  return model;
}

function encodeGolden(model: Model, { golden, input }: Screening): ArrayLike<number> {
  const image = tf.tensor4d(float32FromBase64(golden.image), [1, input.height, input.width, input.channels]);
  return (model.encoder.predict(image) as tf.Tensor).dataSync();
}

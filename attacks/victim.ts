import * as tf from '@tensorflow/tfjs';
import type { Screening, Thresholds } from '../shared/bundle/screening-schema.ts';
import { precisionsOf } from '../shared/decision/latent-space.ts';

/** What an attack on the encoder alone knows. */
export interface EncoderVictim {
  /** image [N, H, W, C] → latent [N, d] */
  encoder: tf.LayersModel;
  means: number[][];
}

/** All that a white-box attack knows: both halves of the model and every number of the decision. */
export interface Victim extends EncoderVictim {
  /** latent [N, d] → image [N, H, W, C] */
  decoder: tf.LayersModel;
  input: Screening['input'];
  covariances: Screening['covariances'];
  /** Sigma_y^-1 where the covariances are full, else null */
  precisions: number[][][] | null;
  thresholds: Thresholds;
  relativeErrorOffset: number;
}

/**
 * A bundle as the attacker sees it: the model that gives gradients, and what `screening.json` says of the decision.
 *
 * @param model as the trainer built it, or as it is rebuilt from the bundle
 */
export function victimOf(model: { encoder: tf.LayersModel; decoder: tf.LayersModel }, screening: Screening): Victim {
  const { means, covariances, thresholds, relativeErrorOffset, input } = screening;
  const precisions = covariances.kind === 'full' ? precisionsOf(covariances, screening.latentDim) : null;
  return { encoder: model.encoder, decoder: model.decoder, means, covariances, precisions, thresholds, relativeErrorOffset, input };
}

/** Floats of an image. */
export const sizeOf = ({ height, width, channels }: Screening['input']) => height * width * channels;

/** Flat images as a tensor, [N, H, W, C]; to be disposed of by the caller. */
export function tensorOf({ input }: Pick<Victim, 'input'>, images: Float32Array): tf.Tensor4D {
  return tf.tensor4d(images, [images.length / sizeOf(input), input.height, input.width, input.channels]);
}

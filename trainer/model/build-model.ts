import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Architecture, checkSize, decoderLayers, encoderLayers } from './architecture.ts';
import { buildLayer, type Layer } from './layers.ts';

/** f: image [N, H, W, C] → latent [N, d]; g: latent → image in [0, 1]. */
export interface Model {
  encoder: tf.LayersModel;
  decoder: tf.LayersModel;
  /** With variable entropy, in training: image → [latent, log of the variance of each of its d values], sharing the encoder's layers. */
  posterior?: tf.LayersModel;
}

/**
 * Builds an untrained encoder and decoder.
 *
 * @param seed of the initial weights; each layer takes the next number
 * @throws RangeError if height or width can't be halved as often as the architecture does
 */
export function buildModel(architecture: Architecture, input: Screening['input'], seed: number): Model {
  checkSize(architecture, input);
  let next = seed;
  const apply = (x: tf.SymbolicTensor, layer: Layer) => buildLayer(layer, () => next++).apply(x) as tf.SymbolicTensor;
  const image = tf.input({ shape: [input.height, input.width, input.channels], name: 'image' });
  const layers = encoderLayers(architecture);
  const head = layers.pop() as Layer;
  const features = layers.reduce(apply, image);
  const latent = apply(features, head);
  const encoder = tf.model({ inputs: image, outputs: latent, name: 'encoder' });
  const model: Omit<Model, 'decoder'> = { encoder };
  if (architecture.entropy === 'variable') {
    const logVariance = apply(features, { ...head, name: 'encoder_log_variance' });
    model.posterior = tf.model({ inputs: image, outputs: [latent, logVariance], name: 'posterior' });
  }
  const z = tf.input({ shape: [architecture.latentDim], name: 'latent' });
  const outputs = decoderLayers(architecture, input).reduce(apply, z);
  return { ...model, decoder: tf.model({ inputs: z, outputs, name: 'decoder' }) };
}

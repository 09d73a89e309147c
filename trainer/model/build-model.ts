import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Architecture, checkSize, strideOf } from './architecture.ts';

/** f: image [N, H, W, C] → latent [N, d]; g: latent → image in [0, 1]. */
export interface Model {
  encoder: tf.LayersModel;
  decoder: tf.LayersModel;
  /**
   * Of variable entropy, in training: image → [latent, log of the variance of each of its d values], with the encoder's own layers.
   */
  posterior?: tf.LayersModel;
}

/**
 * Untrained encoder and decoder.
 *
 * @param seed of the initial weights; each layer takes the next number
 * @throws RangeError where height or width can't be halved as often as the convolutions do
 */
export function buildModel(architecture: Architecture, input: Screening['input'], seed: number): Model {
  checkSize(architecture, input);
  let next = seed;
  const seeds = () => next++;
  return { ...buildEncoder(architecture, input, seeds), decoder: buildDecoder(architecture, input, seeds) };
}

function buildEncoder(architecture: Architecture, input: Screening['input'], seeds: () => number): Omit<Model, 'decoder'> {
  const { encoder, dense, latentDim, entropy } = architecture;
  const image = tf.input({ shape: [input.height, input.width, input.channels], name: 'image' });
  let x: tf.SymbolicTensor = image;
  const add = (layer: tf.layers.Layer) => {
    x = layer.apply(x) as tf.SymbolicTensor;
  };
  encoder.forEach(({ filters, kernel, stride }, i) => {
    add(
      tf.layers.conv2d({
        ...{ filters, kernelSize: kernel, strides: stride, padding: 'same', activation: 'relu' },
        kernelInitializer: tf.initializers.heNormal({ seed: seeds() }),
        name: `encoder_conv_${i}`,
      }),
    );
  });
  add(tf.layers.flatten({ name: 'encoder_flatten' }));
  const kernelInitializer = tf.initializers.heNormal({ seed: seeds() });
  add(tf.layers.dense({ units: dense, activation: 'relu', kernelInitializer, name: 'encoder_dense' }));
  const head = (name: string) =>
    tf.layers
      .dense({ units: latentDim, kernelInitializer: tf.initializers.glorotNormal({ seed: seeds() }), name })
      .apply(x) as tf.SymbolicTensor;
  const latent = head('encoder_latent');
  const model = tf.model({ inputs: image, outputs: latent, name: 'encoder' });
  if (entropy === 'constant') return { encoder: model };
  return { encoder: model, posterior: tf.model({ inputs: image, outputs: [latent, head('encoder_log_variance')], name: 'posterior' }) };
}

function buildDecoder({ decoder, dense, latentDim }: Architecture, input: Screening['input'], seeds: () => number): tf.LayersModel {
  const stride = strideOf(decoder);
  const [height, width, channels] = [input.height / stride, input.width / stride, decoder.at(-1)?.filters as number];
  const model = tf.sequential({ name: 'decoder' });
  const relu = () => ({ activation: 'relu' as const, kernelInitializer: tf.initializers.heNormal({ seed: seeds() }) });
  model.add(tf.layers.dense({ ...relu(), inputShape: [latentDim], units: dense, name: 'decoder_dense' }));
  model.add(tf.layers.dense({ ...relu(), units: height * width * channels, name: 'decoder_grid' }));
  model.add(tf.layers.reshape({ targetShape: [height, width, channels], name: 'decoder_reshape' }));
  // Backwards: each gives the channels of the one before it in the list, the first of the list those of the image.
  decoder.forEach((_, i) => {
    const at = decoder.length - 1 - i;
    const last = at === 0;
    const activation = last
      ? { activation: 'sigmoid' as const, kernelInitializer: tf.initializers.glorotNormal({ seed: seeds() }) }
      : relu();
    const { kernel, stride } = decoder[at] as Architecture['decoder'][number];
    const filters = last ? input.channels : (decoder[at - 1]?.filters as number);
    model.add(
      tf.layers.conv2dTranspose({
        ...activation,
        ...{ filters, kernelSize: kernel, strides: stride, padding: 'same', name: `decoder_conv_${i}` },
      }),
    );
  });
  return model;
}

import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Architecture } from './architecture.ts';

/** f: image [N, H, W, C] → latent [N, d]; g: latent → image in [0, 1]. */
export interface Model {
  encoder: tf.LayersModel;
  decoder: tf.LayersModel;
}

/**
 * Untrained encoder and decoder.
 *
 * @param seed of the initial weights; each layer takes the next number
 * @throws RangeError where height or width can't be halved once per convolution
 */
export function buildModel(architecture: Architecture, input: Screening['input'], seed: number): Model {
  const { filters, dense, latentDim } = architecture;
  const shrink = 2 ** filters.length;
  if (input.height % shrink !== 0 || input.width % shrink !== 0) {
    throw new RangeError(
      `${filters.length} convolutions of stride 2 need height and width divisible by ${shrink}, not ${input.height} x ${input.width}`,
    );
  }
  let next = seed;
  const kernelInitializer = () => tf.initializers.heNormal({ seed: next++ });
  const lastInitializer = () => tf.initializers.glorotNormal({ seed: next++ });
  const conv = { kernelSize: 4, strides: 2, padding: 'same' as const };
  const [height, width, last] = [input.height / shrink, input.width / shrink, filters.at(-1) as number];

  const encoder = tf.sequential({ name: 'encoder' });
  filters.forEach((channels, i) => {
    const inputShape = i === 0 ? { inputShape: [input.height, input.width, input.channels] } : {};
    encoder.add(
      tf.layers.conv2d({
        ...conv,
        ...inputShape,
        filters: channels,
        activation: 'relu',
        kernelInitializer: kernelInitializer(),
        name: `encoder_conv_${i}`,
      }),
    );
  });
  encoder.add(tf.layers.flatten({ name: 'encoder_flatten' }));
  encoder.add(tf.layers.dense({ units: dense, activation: 'relu', kernelInitializer: kernelInitializer(), name: 'encoder_dense' }));
  encoder.add(tf.layers.dense({ units: latentDim, kernelInitializer: lastInitializer(), name: 'encoder_latent' }));

  const decoder = tf.sequential({ name: 'decoder' });
  decoder.add(
    tf.layers.dense({
      inputShape: [latentDim],
      units: dense,
      activation: 'relu',
      kernelInitializer: kernelInitializer(),
      name: 'decoder_dense',
    }),
  );
  decoder.add(
    tf.layers.dense({ units: height * width * last, activation: 'relu', kernelInitializer: kernelInitializer(), name: 'decoder_grid' }),
  );
  decoder.add(tf.layers.reshape({ targetShape: [height, width, last], name: 'decoder_reshape' }));
  const outputs = [...filters.slice(0, -1).reverse(), input.channels];
  outputs.forEach((channels, i) => {
    const isLast = i === outputs.length - 1;
    decoder.add(
      tf.layers.conv2dTranspose({
        ...conv,
        filters: channels,
        activation: isLast ? 'sigmoid' : 'relu',
        kernelInitializer: isLast ? lastInitializer() : kernelInitializer(),
        name: `decoder_conv_${i}`,
      }),
    );
  });
  return { encoder, decoder };
}

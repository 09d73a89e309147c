import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, it } from 'vitest';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { checkGradients, spread } from './numerical-gradient.ts';

beforeAll(useWasm);

const image = [2, 5, 6, 3];
const { layers } = tf;

/** The kernels of the wasm backend with options that lead to other loops. layers.test.ts has those that architectures use. */
const cases: Record<string, { shape?: number[]; layer: () => tf.layers.Layer }[]> = {
  Conv2D: [
    { layer: () => layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }) },
    { layer: () => layers.conv2d({ filters: 1, kernelSize: 4, strides: 2, padding: 'same' }) },
    { layer: () => layers.conv2d({ filters: 9, kernelSize: 2, strides: 3, padding: 'valid' }) },
  ],
  Conv2DTranspose: [
    { layer: () => layers.conv2dTranspose({ filters: 4, kernelSize: 4, strides: 2, padding: 'same' }) },
    { layer: () => layers.conv2dTranspose({ filters: 1, kernelSize: 3, strides: 1, padding: 'valid' }) },
    { layer: () => layers.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 3, padding: 'same' }) },
  ],
  Dense: [{ shape: [3, 7], layer: () => layers.dense({ units: 5 }) }],
  UpSampling2D: [{ layer: () => layers.upSampling2d({ size: [2, 2] }) }, { layer: () => layers.upSampling2d({ size: [3, 1] }) }],
  MaxPooling2D: [
    { layer: () => layers.maxPooling2d({ poolSize: 2 }) },
    { layer: () => layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }) },
    { shape: [2, 4, 5, 9], layer: () => layers.maxPooling2d({ poolSize: [2, 3], strides: 1 }) },
  ],
};

describe.each(Object.entries(cases))('gradients of %s on wasm equal numerical derivatives', (_, variants) => {
  it.each(variants.map((variant, i) => [i + 1, variant] as const))('%i', (_, { shape = image, layer }) =>
    checkGradients(layer(), spread(shape)),
  );
});

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { converters } from '../../export/convert-model.ts';
import { randomFrom } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';

beforeAll(useWasm);

const random = randomFrom(11, 'layer gradients');
const image: [number, number, number, number] = [2, 5, 6, 3];
const { layers } = tf;

/** Every layer that can be exported can be trained on wasm; where options lead to other kernels, several. */
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
  Flatten: [{ layer: () => layers.flatten() }],
  Reshape: [{ layer: () => layers.reshape({ targetShape: [6, 15] }) }],
  Activation: (['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'tanh', 'softplus'] as const).map((activation) => ({
    layer: () => layers.activation({ activation }),
  })),
  ReLU: [{ layer: () => layers.reLU() }],
  LeakyReLU: [{ layer: () => layers.leakyReLU({ alpha: 0.2 }) }],
  BatchNormalization: [{ layer: () => layers.batchNormalization() }, { shape: [6, 7], layer: () => layers.batchNormalization() }],
  UpSampling2D: [{ layer: () => layers.upSampling2d({ size: [2, 2] }) }, { layer: () => layers.upSampling2d({ size: [3, 1] }) }],
  MaxPooling2D: [
    { layer: () => layers.maxPooling2d({ poolSize: 2 }) },
    { layer: () => layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }) },
    { shape: [2, 4, 5, 9], layer: () => layers.maxPooling2d({ poolSize: [2, 3], strides: 1 }) },
  ],
  AveragePooling2D: [
    { layer: () => layers.averagePooling2d({ poolSize: 2 }) },
    { layer: () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }) },
    { shape: [2, 4, 5, 9], layer: () => layers.averagePooling2d({ poolSize: [2, 3], strides: 1 }) },
  ],
  GlobalAveragePooling2D: [{ layer: () => layers.globalAveragePooling2d({}) }],
  ZeroPadding2D: [
    {
      layer: () =>
        layers.zeroPadding2d({
          padding: [
            [1, 2],
            [0, 3],
          ],
        }),
    },
  ],
  Dropout: [{ layer: () => layers.dropout({ rate: 0.4, seed: 3 }) }],
};

/** Distinct values, so far from each other and from 0 that a small step changes no maximum, no sign and no end (6) of relu6. */
function spread(shape: number[]): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size }, (_, i) => ((i + 0.5) / size - 0.5) * 15);
  return tf.tensor(random.shuffle(values), shape);
}

const STEP = 0.01;

describe('gradients on wasm equal numerical derivatives', () => {
  it('for every layer that can be exported', () => {
    const without = ['InputLayer', 'GaussianNoise']; // one is nothing, the other is tested below
    expect(Object.keys(cases).sort()).toEqual(
      Object.keys(converters)
        .filter((name) => !without.includes(name))
        .sort(),
    );
  });

  for (const [name, variants] of Object.entries(cases)) {
    for (const [i, { shape = image, layer: make }] of variants.entries()) {
      it(`${name} ${i + 1}`, () => {
        const layer = make();
        const x = spread(shape);
        const first = layer.apply(x, { training: true }) as tf.Tensor;
        const slopes = tf.tensor(
          Float32Array.from({ length: first.size }, () => random.normal()),
          first.shape,
        );
        const loss = (input: tf.Tensor) => (layer.apply(input, { training: true }) as tf.Tensor).mul(slopes).sum() as tf.Scalar;
        const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
        const dx = tf.grad(loss)(x);
        compare(dx, numerical(x, loss));
        if (weights.length === 0) return;
        const { grads } = tf.variableGrads(() => loss(x), weights);
        for (const weight of weights) {
          const was = weight.clone();
          const at = (moved: tf.Tensor) => {
            weight.assign(moved);
            return loss(x);
          };
          const expected = numerical(was, at);
          weight.assign(was);
          compare(grads[weight.name] as tf.Tensor, expected);
        }
      });
    }
  }

  it('GaussianNoise hands the gradient through', () => {
    const slopes = spread(image);
    const layer = layers.gaussianNoise({ stddev: 0.1 });
    const dx = tf.grad((x) => (layer.apply(x, { training: true }) as tf.Tensor).mul(slopes).sum())(spread(image));
    expect(Array.from(dx.dataSync())).toEqual(Array.from(slopes.dataSync()));
  });
});

function numerical(x: tf.Tensor, loss: (moved: tf.Tensor) => tf.Scalar): number[] {
  const values = x.dataSync();
  return Array.from(values, (value, i) => {
    const at = (by: number) => {
      const moved = values.slice();
      moved[i] = value + by;
      return loss(tf.tensor(moved, x.shape)).dataSync()[0] as number;
    };
    return (at(STEP) - at(-STEP)) / (2 * STEP);
  });
}

function compare(actual: tf.Tensor, expected: number[]): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  const values = actual.dataSync();
  expect(values.length).toBe(expected.length);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - (values[i] as number)) / scale))).toBeLessThan(5e-3);
}

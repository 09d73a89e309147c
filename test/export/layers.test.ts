import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { converters } from '../../export/convert-model.ts';
import { ConversionError } from '../../export/layers/layer-conversion.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { largestDifference, runModel } from './run-graph.ts';

beforeAll(useWasm);

type Case = [name: string, inputShape: number[], layer: () => tf.layers.Layer, options?: { noGradient: true } | undefined];

let seed = 1;
const weights = () => ({
  kernelInitializer: tf.initializers.randomNormal({ seed: seed++ }),
  biasInitializer: tf.initializers.randomNormal({ seed: seed++ }),
});
const conv = (config: object) => () => tf.layers.conv2d({ filters: 3, kernelSize: 3, ...weights(), ...config });
const transposed = (config: object) => () => tf.layers.conv2dTranspose({ filters: 3, kernelSize: 4, strides: 2, ...weights(), ...config });
/** The exporter has no rule, or (dilation) tfjs has none to compare with. */
const noGradient = { noGradient: true } as const;

const cases: Case[] = [
  ['Dense', [7], () => tf.layers.dense({ units: 5, ...weights() })],
  ['Dense without bias', [7], () => tf.layers.dense({ units: 5, useBias: false, ...weights() })],
  ...(['relu', 'relu6', 'elu', 'sigmoid', 'tanh', 'softplus', 'linear'] as const).flatMap((activation): Case[] => [
    [`Activation ${activation}`, [3, 4, 2], () => tf.layers.activation({ activation })],
    [`Dense ${activation}`, [7], () => tf.layers.dense({ units: 5, activation, ...weights() })],
  ]),
  ['ReLU', [4, 4, 2], () => tf.layers.reLU()],
  ['LeakyReLU', [4, 4, 2], () => tf.layers.leakyReLU({ alpha: 0.2 })],
  ...(
    [
      [28, 28, 1],
      [9, 7, 2],
      [8, 5, 3],
    ] as const
  ).flatMap((shape) =>
    ([1, 2, 3] as const).flatMap((strides) =>
      (['same', 'valid'] as const).flatMap((padding): Case[] => [
        [`Conv2D ${shape} stride ${strides} ${padding}`, [...shape], conv({ strides, padding })],
        [
          `Conv2D 4x2 ${shape} stride ${strides} ${padding}`,
          [...shape],
          conv({ kernelSize: [4, 2], strides, padding, activation: 'relu' }),
        ],
        [`Conv2DTranspose ${shape} stride ${strides} ${padding}`, [...shape], transposed({ strides, padding, activation: 'sigmoid' })],
        [`Conv2DTranspose 2x3 ${shape} stride ${strides} ${padding}`, [...shape], transposed({ kernelSize: [2, 3], strides, padding })],
      ]),
    ),
  ),
  ['Conv2D dilated', [11, 9, 2], conv({ dilationRate: 2, padding: 'same' }), noGradient],
  ['Flatten', [3, 5, 4], () => tf.layers.flatten()],
  ['Flatten one channel', [3, 5, 1], () => tf.layers.flatten()],
  ['Reshape to an image', [24], () => tf.layers.reshape({ targetShape: [3, 2, 4] })],
  ['Reshape with a free size', [2, 3, 4], () => tf.layers.reshape({ targetShape: [6, -1] })],
  ['Reshape from image to image', [2, 6, 4], () => tf.layers.reshape({ targetShape: [4, 4, 3] })],
  ['UpSampling2D', [3, 4, 2], () => tf.layers.upSampling2d({ size: [2, 3] })],
  [
    'ZeroPadding2D',
    [3, 4, 2],
    () =>
      tf.layers.zeroPadding2d({
        padding: [
          [1, 2],
          [0, 3],
        ],
      }),
  ],
  ['GlobalAveragePooling2D', [5, 4, 3], () => tf.layers.globalAveragePooling2d({})],
  ['MaxPooling2D', [7, 6, 2], () => tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), noGradient],
  ['MaxPooling2D valid', [7, 6, 2], () => tf.layers.maxPooling2d({ poolSize: 2 }), noGradient],
  ...(['same', 'valid'] as const).flatMap((padding) =>
    ([1, 2, 3] as const).map(
      (strides): Case => [
        `AveragePooling2D stride ${strides} ${padding}`,
        [7, 6, 2],
        () => tf.layers.averagePooling2d({ poolSize: [3, 2], strides, padding }),
        // tfjs divides by the whole window at the border too, where the mean is over fewer pixels: see the test of its Jacobian.
        padding === 'same' ? noGradient : undefined,
      ],
    ),
  ),
  ['Dropout', [7], () => tf.layers.dropout({ rate: 0.5 })],
  ['GaussianNoise', [7], () => tf.layers.gaussianNoise({ stddev: 1 })],
  ...([[6], [4, 3, 2]] as const).map(
    (shape): Case => [
      `BatchNormalization ${shape}`,
      [...shape],
      () =>
        tf.layers.batchNormalization({
          gammaInitializer: tf.initializers.randomUniform({ minval: 0.5, maxval: 2, seed: 1 }),
          betaInitializer: 'randomNormal',
          movingMeanInitializer: 'randomNormal',
          movingVarianceInitializer: tf.initializers.randomUniform({ minval: 0.5, maxval: 2, seed: 2 }),
        }),
    ],
  ),
];

describe('each layer answers in ONNX Runtime what it does in tfjs, and its gradient too', () => {
  it.each(cases)('%s', async (_, inputShape, layer, options) => {
    const model = tf.sequential();
    // Twice: in front a layer that keeps the shape, so that the gradient has a chain to run through.
    model.add(tf.layers.activation({ activation: 'tanh', inputShape }));
    model.add(layer());
    const x = tf.randomNormal([3, ...inputShape], 0, 1, 'float32', 5);
    const y = model.predict(x) as tf.Tensor;
    const slope = tf.randomNormal(y.shape, 0, 1, 'float32', 6);
    const answers = await runModel(model, x, options?.noGradient ? undefined : slope);
    expect(answers.y?.dims).toEqual(y.shape);
    expect(largestDifference(answers.y?.data as Float32Array, y.dataSync())).toBeLessThan(1e-5);
    if (options?.noGradient) return;
    const dx = tf.grad((input) => (model.predict(input) as tf.Tensor).mul(slope).sum())(x);
    expect(largestDifference(answers.dx?.data as Float32Array, dx.dataSync())).toBeLessThan(2e-5);
  });

  it.each([1, 2, 3])('AveragePooling2D stride %i same: its gradient is the transposed Jacobian', async (strides) => {
    const model = tf.sequential();
    model.add(tf.layers.averagePooling2d({ inputShape: [7, 6, 2], poolSize: [3, 2], strides, padding: 'same' }));
    const slope = tf.randomNormal([1, ...(model.outputShape as number[]).slice(1)], 0, 1, 'float32', 6);
    const answers = await runModel(model, tf.zeros([1, 7, 6, 2]), slope);
    // Pooling is linear: what it makes of an image of one lit pixel is that pixel's column.
    const columns = model.predict(tf.eye(84).reshape([84, 7, 6, 2])) as tf.Tensor;
    expect(largestDifference(answers.dx?.data as Float32Array, columns.mul(slope).sum([1, 2, 3]).dataSync())).toBeLessThan(1e-5);
  });

  it('and no listed layer is left untested', () => {
    const tested = new Set(cases.map(([name]) => name.split(' ')[0]));
    expect(Object.keys(converters).filter((name) => name !== 'InputLayer' && !tested.has(name))).toEqual([]);
  });
});

describe('what can not be exported is named', () => {
  const refused = async (layer: tf.layers.Layer, inputShape: number[], message: RegExp) => {
    const model = tf.sequential();
    model.add(tf.layers.activation({ activation: 'linear', inputShape }));
    model.add(layer);
    const error = await runModel(model, tf.zeros([1, ...inputShape])).catch((caught) => caught);
    expect(error).toBeInstanceOf(ConversionError);
    expect(error.message).toMatch(message);
  };

  it('a layer that is not listed', () =>
    refused(
      tf.layers.depthwiseConv2d({ kernelSize: 3, name: 'odd_one' }),
      [5, 5, 2],
      /odd_one \(DepthwiseConv2D\) can't be exported; allowed are .*Conv2D/,
    ));
  it('an activation', () =>
    refused(
      tf.layers.activation({ activation: 'swish', name: 'act' }),
      [4],
      /act \(Activation\) has activation swish; allowed are linear/,
    ));
  it('a dense layer on an image', () =>
    refused(tf.layers.dense({ units: 2, name: 'wide' }), [4, 4, 2], /wide \(Dense\) has an input of shape \[4, 4, 2\]; flatten/));
  it('channels first', () =>
    refused(
      tf.layers.globalAveragePooling2d({ dataFormat: 'channelsFirst', name: 'first' }),
      [4, 4, 2],
      /dataFormat channelsFirst; only channelsLast/,
    ));
  it('a branch', async () => {
    const input = tf.input({ shape: [4] });
    const shared = tf.layers.dense({ units: 4, name: 'fork' }).apply(input) as tf.SymbolicTensor;
    const model = tf.model({ inputs: input, outputs: tf.layers.add().apply([shared, shared]) as tf.SymbolicTensor });
    await expect(runModel(model, tf.zeros([1, 4]))).rejects.toThrow(/can't be exported|branches/);
  });
  it('two outputs', async () => {
    const input = tf.input({ shape: [4] });
    const heads = ['one', 'two'].map((name) => tf.layers.dense({ units: 2, name }).apply(input) as tf.SymbolicTensor);
    const model = tf.model({ inputs: input, outputs: heads });
    await expect(runModel(model, tf.zeros([1, 4]))).rejects.toThrow(/has 1 inputs and 2 outputs; only a chain/);
  });
});

describe('a chain is followed as it is applied', () => {
  const same = async (model: tf.LayersModel) => {
    const x = tf.randomNormal([3, 4], 0, 1, 'float32', 7);
    const slope = tf.randomNormal([3, 4], 0, 1, 'float32', 8);
    const answers = await runModel(model, x, slope);
    expect(largestDifference(answers.y?.data as Float32Array, (model.predict(x) as tf.Tensor).dataSync())).toBeLessThan(1e-5);
    const dx = tf.grad((input) => (model.predict(input) as tf.Tensor).mul(slope).sum())(x);
    expect(largestDifference(answers.dx?.data as Float32Array, dx.dataSync())).toBeLessThan(2e-5);
  };
  const dense = (options = {}) => tf.layers.dense({ units: 4, activation: 'tanh', ...weights(), ...options });

  it('with a layer applied twice', () => {
    const input = tf.input({ shape: [4] });
    const layer = dense();
    return same(tf.model({ inputs: input, outputs: layer.apply(layer.apply(input)) as tf.SymbolicTensor }));
  });
  it('with models inside', () => {
    const first = tf.sequential({ layers: [dense({ inputShape: [4] }), dense()] });
    const second = tf.sequential({ layers: [dense({ inputShape: [4] })] });
    return same(tf.sequential({ layers: [first, dense(), second] }));
  });
  it('with a layer that another model goes on from', () => {
    const input = tf.input({ shape: [4] });
    const middle = dense().apply(input) as tf.SymbolicTensor;
    for (const units of [2, 3]) tf.model({ inputs: input, outputs: dense({ units }).apply(middle) as tf.SymbolicTensor });
    return same(tf.model({ inputs: input, outputs: middle }));
  });
});

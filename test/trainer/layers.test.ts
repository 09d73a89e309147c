import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import proto, { type onnx } from 'onnx-proto';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileGraph } from '../../shared/runtime/compile-graph.ts';
import { createHeap } from '../../shared/runtime/heap.ts';
import { readOnnx } from '../../shared/runtime/read-onnx.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { architectureSchema, decoderLayers, encoderLayers } from '../../trainer/model/architecture.ts';
import { ConversionError } from '../../trainer/model/layer.ts';
import { buildLayer, decoderStepSchema, encoderStepSchema, type Layer, type LayerKind, layerTypes } from '../../trainer/model/layers.ts';
import { setWeights } from '../../trainer/model/rebuild-model.ts';
import { compareWithOnnx, graphOf, largestDifference } from '../export/run-graph.ts';
import { checkGradients, spread } from './numerical-gradient.ts';

beforeAll(useWasm);
const kernels = new WebAssembly.Module(await readFile('shared/kernels/screening.wasm'));

type Options<Kind extends LayerKind> = Omit<Extract<Layer, { kind: Kind }>, 'kind' | 'name'>;

const convolutions = [
  [[5, 6, 3], { filters: 4, kernel: 3, stride: 1, activation: 'linear' }],
  ...[[28, 28, 1], [9, 7, 2], [8, 5, 3]].flatMap((shape) =>
    ([1, 2] as const).flatMap((stride) =>
      [2, 3, 4, 9].map((kernel) => [shape, { filters: 3, kernel, stride, activation: kernel % 2 ? 'relu' : 'sigmoid' }] as const),
    ),
  ),
] as const; // biome-ignore format: shapes on a line

/** Examples of every kind of layer: without one, this file does not compile. The first of each is also checked numerically. */
const examples: { [Kind in LayerKind]: readonly (readonly [input: readonly number[], options: Options<Kind>])[] } = {
  Conv2D: convolutions,
  Conv2DTranspose: convolutions,
  MaxPooling2D: [
    [[4, 6, 3], { size: 2 }],
    [[2, 4, 17], { size: 2 }],
  ],
  UpSampling2D: [
    [[3, 4, 2], { size: 2 }],
    [[2, 1, 17], { size: 2 }],
  ],
  Dense: [
    [[7], { units: 5, activation: 'linear' }],
    [[7], { units: 9, activation: 'relu' }],
    [[30], { units: 33, activation: 'sigmoid' }],
  ],
  Flatten: [
    [[3, 5, 4], {}],
    [[3, 5, 1], {}],
  ],
  Reshape: [
    [[24], { shape: [3, 2, 4] }],
    [[24], { shape: [6, 4, 1] }],
  ],
};

/** The steps of an architecture's lists that the examples make. */
const steps = (Object.entries(examples) as [LayerKind, [[readonly number[], { activation?: string }]]][]).map(([layer, [[, options]]]) => {
  const { activation: _, ...step } = options;
  return { layer, ...step };
});
const encoder = steps.flatMap((step) => encoderStepSchema.safeParse(step).data ?? []);
const decoder = steps.flatMap((step) => decoderStepSchema.safeParse(step).data ?? []);
const architecture = architectureSchema.parse(JSON.parse(JSON.stringify({ encoder, decoder, dense: 8, latentDim: 4 })));
const encoderKinds = new Set<string>(encoderLayers(architecture).map(({ kind }) => kind));
const decoderKinds = new Set<string>(decoderLayers(architecture, { height: 16, width: 16, channels: 1 }).map(({ kind }) => kind));

it('every kind of layer is one that architectures can express', () => {
  expect([...new Set([...encoderKinds, ...decoderKinds])].sort()).toEqual(Object.keys(layerTypes).sort());
});

it('an architecture whose steps are wrong is refused with what is allowed', () => {
  const check = (change: object) => architectureSchema.safeParse({ encoder, decoder, dense: 8, latentDim: 4, ...change }).error?.issues[0];
  expect(check({ decoder: [{ layer: 'UpSampling2D', size: 2 }] })).toMatchObject({
    path: ['decoder'],
    message: expect.stringMatching(/must be a convolution/),
  });
  expect(check({ encoder: [{ layer: 'UpSampling2D', size: 2 }] })).toMatchObject({ path: ['encoder', 0, 'layer'] });
  expect(check({ encoder: [{ filters: 3, kernel: 10, stride: 1 }] })).toMatchObject({ path: ['encoder', 0, 'kernel'], maximum: 9 });
});

describe.each(Object.entries(examples) as [LayerKind, (typeof examples)['Dense']][])('%s', (kind, variants) => {
  let seed = 1;
  /** A model of that layer, with one before it that keeps the shape, so that the gradient has a chain to run through. */
  const build = (shape: readonly number[], options: Options<'Dense'>) => {
    const input = tf.input({ shape: [...shape] });
    const name = `layer_${seed}`;
    const layer = buildLayer({ kind, name, ...options } as Layer, () => seed++);
    const before =
      shape.length === 1
        ? tf.layers.dense({ units: shape[0] as number, activation: 'sigmoid' })
        : tf.layers.conv2dTranspose({ filters: shape[2] as number, kernelSize: 1, padding: 'same', activation: 'sigmoid' });
    const model = tf.model({ inputs: input, outputs: layer.apply(before.apply(input)) as tf.SymbolicTensor });
    // Biases are zeros until they are trained.
    model.setWeights(model.getWeights().map((weight) => weight.add(tf.randomNormal(weight.shape, 0, 0.3, 'float32', seed++))));
    return { model, layer, x: tf.randomNormal([5, ...shape], 0, 1, 'float32', seed++) };
  };
  const cases = variants.map(([shape, options]) => [JSON.stringify([shape, options]), shape, options] as const);

  it.each(cases)('answers in ONNX Runtime as in tfjs, with its gradient if decoders have it: %s', (_, shape, options) => {
    const { model, x } = build(shape, options);
    return compareWithOnnx(model, x, decoderKinds.has(kind));
  });

  it.each(cases)('answers on the kernels of the edge as in tfjs: %s', (_, shape, options) => {
    const { model, x } = build(shape, options);
    const heap = createHeap(kernels);
    const { input, outputs, run } = compileGraph(heap, readOnnx(...graphOf(model)), [...shape], 5);
    const y = outputs.get('y')?.address as number;
    for (const images of [5, 1, 2]) {
      const values = x.slice([0], [images]);
      heap.floats(input.address, values.size).set(values.dataSync());
      run(images);
      const expected = (model.predict(values) as tf.Tensor).dataSync();
      expect(largestDifference(heap.floats(y, expected.length), expected)).toBeLessThan(1e-5);
    }
  });

  it.each(cases)('is rebuilt from its graph to the bit: %s', (_, shape, options) => {
    const { model } = build(shape, options);
    const { model: other } = build(shape, options);
    const [bytes, weights] = graphOf(model);
    setWeights(other, proto.onnx.ModelProto.decode(bytes).graph as onnx.IGraphProto, weights, 'graph.onnx');
    const values = (of: tf.LayersModel) => of.getWeights().map((weight) => Array.from(weight.dataSync()));
    expect(values(other)).toEqual(values(model));
  });

  it('has on wasm the gradients of its numerical derivatives', () => {
    const [shape, options] = variants[0] as (typeof variants)[number];
    checkGradients(build(shape, options).layer, spread([2, ...shape]));
  });
});

describe('a layer that can not be exported is named', () => {
  const refused = (layers: tf.layers.Layer[], message: RegExp) => {
    const model = tf.sequential({ layers });
    expect(() => graphOf(model, true)).toThrow(ConversionError);
    expect(() => graphOf(model, true)).toThrow(message);
  };

  it('of a kind that is not in the list', () =>
    refused(
      [tf.layers.depthwiseConv2d({ kernelSize: 3, inputShape: [5, 5, 2], name: 'odd_one' })],
      /odd_one \(DepthwiseConv2D\) can't be exported; allowed are .*Conv2D/,
    ));
  it('with another activation', () =>
    refused(
      [tf.layers.dense({ units: 4, activation: 'swish', inputShape: [4], name: 'act' })],
      /act has the activation swish; allowed are linear/,
    ));
  it('without a gradient rule, where one is needed', () =>
    refused([tf.layers.maxPooling2d({ poolSize: 2, inputShape: [4, 4, 2], name: 'pool' })], /pool \(MaxPooling2D\) has no gradient rule/));
  it('where branches meet', () => {
    const input = tf.input({ shape: [4] });
    const shared = tf.layers.dense({ units: 4, name: 'fork' }).apply(input) as tf.SymbolicTensor;
    const model = tf.model({ inputs: input, outputs: tf.layers.add().apply([shared, shared]) as tf.SymbolicTensor });
    expect(() => graphOf(model)).toThrow(/can't be exported/);
  });
  it('in a model of two outputs', () => {
    const input = tf.input({ shape: [4] });
    const heads = ['one', 'two'].map((name) => tf.layers.dense({ units: 2, name }).apply(input) as tf.SymbolicTensor);
    expect(() => graphOf(tf.model({ inputs: input, outputs: heads }))).toThrow(/has 1 inputs and 2 outputs; only a chain/);
  });
});

it('a chain is followed past layers that another model goes on from', () => {
  const dense = (units: number) => tf.layers.dense({ units, activation: 'sigmoid' });
  const input = tf.input({ shape: [4] });
  const middle = dense(4).apply(input) as tf.SymbolicTensor;
  for (const units of [2, 3]) tf.model({ inputs: input, outputs: dense(units).apply(middle) as tf.SymbolicTensor });
  return compareWithOnnx(tf.model({ inputs: input, outputs: middle }), tf.randomNormal([3, 4]), true);
});

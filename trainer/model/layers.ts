import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { conv2D, conv2DSchema, conv2DTranspose, conv2DTransposeSchema } from './convolutions.ts';
import {
  type Activation,
  activated,
  activationOptions,
  type Converted,
  fromChannelsLast,
  type LayerType,
  type Linear,
  type OnnxWriter,
  storeWeights,
  toChannelsLast,
  type Value,
} from './layer.ts';

/** The steps that an architecture's lists may hold. A convolution needs no `layer`; the other steps are layers with these options. */
export const encoderStepSchema = z.discriminatedUnion('layer', [
  conv2DSchema,
  z.strictObject({ layer: z.literal('MaxPooling2D'), size: z.literal(2) }),
]);
export const decoderStepSchema = z.discriminatedUnion('layer', [
  conv2DTransposeSchema,
  z.strictObject({ layer: z.literal('UpSampling2D'), size: z.literal(2) }),
]);

/** No pullback: only encoders have it. */
const maxPooling2D: LayerType<{ size: number }> = {
  monotone: true,
  build: ({ name, size }) => tf.layers.maxPooling2d({ name, poolSize: size }),
  convert(graph, layer, { name, shape }) {
    const size = layer.getConfig().poolSize as number[];
    const [height, width, channels] = shape as [number, number, number];
    const pooled = graph.node('MaxPool', [name], { kernel_shape: size, strides: size });
    return { value: { name: pooled, shape: [height / (size[0] as number), width / (size[1] as number), channels] } };
  },
};

/** Repeats each pixel; the gradient is the sum over its copies. */
const upSampling2D: LayerType<{ size: number }> = {
  build: ({ name, size }) => tf.layers.upSampling2d({ name, size: [size, size] }),
  convert(graph, layer, { name, shape }) {
    const size = layer.getConfig().size as [number, number];
    const [height, width, channels] = shape as [number, number, number];
    const resize = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    const resized = graph.node('Resize', [name, '', graph.floats([1, 1, ...size])], resize);
    const pullback = (gradient: string) => {
      const average = graph.node('AveragePool', [gradient], { kernel_shape: size, strides: size });
      return graph.node('Mul', [average, graph.floats([size[0] * size[1]], [])]);
    };
    return { value: { name: resized, shape: [height * size[0], width * size[1], channels] }, pullback };
  },
};

/** ONNX keeps tfjs's [in, out]. */
const matrix = [0, 1];

const dense: LayerType<{ units: number; activation: Activation }> = {
  weights: { operator: 'Gemm', kernelAxes: matrix },
  build: ({ name, units, activation }, seed) => tf.layers.dense({ name, units, ...activationOptions(activation, seed) }),
  convert(graph, layer, input) {
    const { names, shape, apply } = multiplied(graph, layer);
    const pullback = (gradient: string) => graph.node('Gemm', [gradient, names[0]], { transB: 1 });
    return activated(graph, layer, { name: apply(input.name, ...names), shape }, pullback);
  },
  linear: multiplied,
};

function multiplied(graph: OnnxWriter, layer: tf.layers.Layer): Linear {
  const { names, shape } = storeWeights(graph, layer, matrix);
  const [terms, units] = shape as [number, number];
  return { names, terms, shape: [units], apply: (...inputs) => graph.node('Gemm', inputs) };
}

const flatten: LayerType<object> = {
  monotone: true,
  build: ({ name }) => tf.layers.flatten({ name }),
  convert: (graph, _, input) => reshaped(graph, input, [input.shape.reduce((product, length) => product * length, 1)]),
};

const reshape: LayerType<{ shape: number[] }> = {
  monotone: true,
  build: ({ name, shape }) => tf.layers.reshape({ name, targetShape: shape }),
  convert: (graph, layer, input) => reshaped(graph, input, layer.getConfig().targetShape as number[]),
};

/** Reshapes in tfjs's order of values: an image is turned to channels last before and back after. */
function reshaped(graph: OnnxWriter, input: Value, shape: number[]): Converted {
  const into = (value: Value, to: number[]) => {
    const name = graph.node('Reshape', [toChannelsLast(graph, value), graph.ints([-1, ...to])]);
    return fromChannelsLast(graph, { name, shape: to });
  };
  return { value: { name: into(input, shape), shape }, pullback: (gradient) => into({ name: gradient, shape }, input.shape) };
}

/** The layers that a model may have, by tfjs's class names. test/trainer/layers.test.ts takes each through every form. */
export const layerTypes = {
  Conv2D: conv2D,
  Conv2DTranspose: conv2DTranspose,
  MaxPooling2D: maxPooling2D,
  UpSampling2D: upSampling2D,
  Dense: dense,
  Flatten: flatten,
  Reshape: reshape,
};

export type LayerKind = keyof typeof layerTypes;

type OptionsOf<Type> = Type extends LayerType<infer Options> ? Options : never;

/** A layer of an architecture, as data. */
export type Layer = { [Kind in LayerKind]: { kind: Kind; name: string } & OptionsOf<(typeof layerTypes)[Kind]> }[LayerKind];

/** Builds the untrained tfjs layer. @param seed gives the seed of the next initializer */
export function buildLayer(layer: Layer, seed: () => number): tf.layers.Layer {
  return (layerTypes[layer.kind] as LayerType<object>).build(layer, seed);
}

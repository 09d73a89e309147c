import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { type Activation, activated, activationOptions, type LayerType, type Linear, type OnnxWriter, storeWeights } from './layer.ts';

/** A convolution in an architecture, with a square kernel and 'same' padding. */
const convolution = {
  /** Channels of the result. */
  filters: z.int().positive(),
  /** Side of the kernel. */
  kernel: z.int().min(1).max(9),
  stride: z.union([z.literal(1), z.literal(2)]),
};

export const conv2DSchema = z.strictObject({ layer: z.literal('Conv2D').optional(), ...convolution });
export const conv2DTransposeSchema = z.strictObject({ layer: z.literal('Conv2DTranspose').optional(), ...convolution });

export type Convolution = z.infer<z.ZodObject<typeof convolution>>;

type Options = Convolution & { activation: Activation };

const config = ({ name, filters, kernel, stride, activation }: Options & { name: string }, seed: () => number) => ({
  ...{ name, filters, kernelSize: kernel, strides: stride, padding: 'same' as const },
  ...activationOptions(activation, seed),
});

/** [height, width, in, out] to [out, in, height, width], or with in and out exchanged for the transposed one. */
const kernelAxes = [3, 2, 0, 1];

/** Splits what 'same' padding adds along an axis: an odd pixel goes to the end, as in TensorFlow. */
const split = (total: number) => ({ before: Math.floor(total / 2), after: Math.ceil(total / 2) });

/** ONNX's order: all begins, then all ends. */
const padsOf = (axes: { before: number; after: number }[]) => [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)];

/** No pullback: only encoders have it. */
export const conv2D: LayerType<Options> = {
  weights: { operator: 'Conv', kernelAxes },
  build: (options, seed) => tf.layers.conv2d(config(options, seed)),
  convert(graph, layer, input) {
    const { names, shape, apply } = convolved(graph, layer, input.shape);
    return activated(graph, layer, { name: apply(input.name, ...names), shape });
  },
  linear: convolved,
};

function convolved(graph: OnnxWriter, layer: tf.layers.Layer, input: readonly number[]): Linear {
  const strides = layer.getConfig().strides as number[];
  const { names, shape } = storeWeights(graph, layer, kernelAxes);
  const [filters, channels, ...kernel] = shape as [number, number, number, number];
  const out = strides.map((stride, i) => Math.ceil((input[i] as number) / stride));
  const pads = padsOf(
    strides.map((stride, i) => split(Math.max(((out[i] as number) - 1) * stride + (kernel[i] as number) - (input[i] as number), 0))),
  );
  const attributes = { strides, dilations: [1, 1], kernel_shape: kernel, pads };
  const terms = channels * kernel.reduce((product, length) => product * length, 1);
  return { names, terms, shape: [...out, filters], apply: (...inputs) => graph.node('Conv', inputs, attributes) };
}

export const conv2DTranspose: LayerType<Options> = {
  weights: { operator: 'ConvTranspose', kernelAxes },
  build: (options, seed) => tf.layers.conv2dTranspose(config(options, seed)),
  convert(graph, layer, input) {
    const strides = layer.getConfig().strides as number[];
    const { names, shape } = storeWeights(graph, layer, kernelAxes);
    const [, filters, ...kernel] = shape as [number, number, number, number];
    const over = strides.map((stride, i) => (kernel[i] as number) - stride);
    const attributes = { strides, kernel_shape: kernel, pads: padsOf(over.map((pixels) => split(Math.max(pixels, 0)))) };
    const padding = { output_padding: over.map((pixels) => Math.max(-pixels, 0)) };
    const name = graph.node('ConvTranspose', [input.name, ...names], { ...attributes, ...padding });
    const size = strides.map((stride, i) => (input.shape[i] as number) * stride);
    const pullback = (gradient: string) => graph.node('Conv', [gradient, names[0]], attributes);
    return activated(graph, layer, { name, shape: [...size, filters] }, pullback);
  },
};

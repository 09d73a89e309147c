import type * as tf from '@tensorflow/tfjs';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { activated } from './activations.ts';
import {
  allowed,
  ConversionError,
  configOf,
  imageShape,
  type LayerConverter,
  pair,
  permuted,
  trained,
  type Value,
} from './layer-conversion.ts';

/** TensorFlow's padding along one axis: what `same` lacks is split, the odd pixel at the end. */
export function padding(
  kind: 'same' | 'valid',
  size: number,
  kernel: number,
  stride: number,
): { out: number; before: number; after: number } {
  if (kind === 'valid') return { out: Math.floor((size - kernel) / stride) + 1, before: 0, after: 0 };
  const out = Math.ceil(size / stride);
  const total = Math.max((out - 1) * stride + kernel - size, 0);
  return { out, before: Math.floor(total / 2), after: total - Math.floor(total / 2) };
}

/** ONNX's order: all begins, then all ends. */
export function pads(vertical: { before: number; after: number }, horizontal: { before: number; after: number }): number[] {
  return [vertical.before, horizontal.before, vertical.after, horizontal.after];
}

export const conv2DLayer: LayerConverter = (graph, layer, input) => {
  const config = configOf(layer);
  const [height, width] = imageShape(layer, input);
  const strides = pair(config.strides, 1);
  const dilations = pair(config.dilationRate, 1);
  const kind = allowed(layer, 'padding', config.padding, ['same', 'valid'] as const);
  const kernel = weightOf(layer);
  const [kh, kw, , cout] = kernel.shape as [number, number, number, number];
  const vertical = padding(kind, height, (kh - 1) * dilations[0] + 1, strides[0]);
  const horizontal = padding(kind, width, (kw - 1) * dilations[1] + 1, strides[1]);
  const attributes = { strides, dilations, kernel_shape: [kh, kw], pads: pads(vertical, horizontal) };
  const [, , cin] = kernel.shape as [number, number, number, number];
  const weight = graph.weight(permuted(kernel.values, kernel.shape, [3, 2, 0, 1]), [cout, cin, kh, kw]);
  const name = graph.node('Conv', [input.name, weight, ...biasOf(graph, layer)], attributes);
  const value: Value = { name, shape: [vertical.out, horizontal.out, cout] };
  // What the strides leave over at the end belongs to no output; the transposed convolution adds it back as zeros.
  const over = [height, width].map((size, i) => {
    const { out, before, after } = i === 0 ? vertical : horizontal;
    const reach = ((i === 0 ? kh : kw) - 1) * (dilations[i] as number) + 1;
    return size - ((out - 1) * (strides[i] as number) + reach - before - after);
  });
  return activated(graph, layer, value, (gradient) =>
    graph.node('ConvTranspose', [gradient, weight], { ...attributes, output_padding: over }),
  );
};

export const conv2DTransposeLayer: LayerConverter = (graph, layer, input) => {
  const config = configOf(layer);
  const [height, width] = imageShape(layer, input);
  const strides = pair(config.strides, 1);
  if (pair(config.dilationRate, 1).some((rate) => rate !== 1)) {
    throw new ConversionError(`layer ${layer.name} (Conv2DTranspose) is dilated; only dilationRate 1 can be exported`);
  }
  const kind = allowed(layer, 'padding', config.padding, ['same', 'valid'] as const);
  const kernel = weightOf(layer);
  const [kh, kw, cout, cin] = kernel.shape as [number, number, number, number];
  const axis = (size: number, k: number, stride: number) => {
    const out = kind === 'same' ? size * stride : (size - 1) * stride + Math.max(k, stride);
    const total = kind === 'same' ? Math.max(k - stride, 0) : 0;
    const before = Math.floor(total / 2);
    return { out, before, after: total - before, over: out - ((size - 1) * stride + k - total) };
  };
  const vertical = axis(height, kh, strides[0]);
  const horizontal = axis(width, kw, strides[1]);
  const attributes = { strides, kernel_shape: [kh, kw], pads: pads(vertical, horizontal) };
  const weight = graph.weight(permuted(kernel.values, kernel.shape, [3, 2, 0, 1]), [cin, cout, kh, kw]);
  const outputPadding = { output_padding: [vertical.over, horizontal.over] };
  const name = graph.node('ConvTranspose', [input.name, weight, ...biasOf(graph, layer)], { ...attributes, ...outputPadding });
  const value: Value = { name, shape: [vertical.out, horizontal.out, cout] };
  return activated(graph, layer, value, (gradient) => graph.node('Conv', [gradient, weight], attributes));
};

function weightOf(layer: tf.layers.Layer): { values: Float32Array; shape: number[] } {
  const kernel = trained(layer, 0);
  if (!kernel)
    throw new ConversionError(`layer ${layer.name} (${layer.getClassName()}) has no weights; build the model before exporting it`);
  return kernel;
}

function biasOf(graph: GraphBuilder, layer: tf.layers.Layer): string[] {
  const bias = trained(layer, 1);
  return bias ? [graph.weight(bias.values, bias.shape)] : [];
}

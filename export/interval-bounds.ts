import type * as tf from '@tensorflow/tfjs';
import type { Screening } from '../shared/bundle/screening-schema.ts';
import { boxRadius, roundingShare, UNDERFLOW } from '../shared/decision/interval-rounding.ts';
import { activated, ConversionError, fromChannelsLast, type Linear, type Value } from '../trainer/model/layer.ts';
import { type LayerKind, layerTypes } from '../trainer/model/layers.ts';
import type { GraphBuilder } from './onnx/graph-builder.ts';

/**
 * Lower and upper bounds of an activation, both 0 or more, over all images within a radius. Each linear layer doubles the scale in which
 * they stand: lower + upper is twice the centre, upper - lower twice the radius, and powers of two round nothing.
 */
interface Box {
  lower: Value;
  upper: Value;
  scale: number;
}

/** An encoder, image [N, H, W, C] → latent [N, d]. */
export interface BoundedEncoder {
  encoder: tf.LayersModel;
  input: Screening['input'];
}

/** The layer before the latent, whose bounds and weights give those of any contrast of the latent. */
export interface LastLayer {
  /** Bounds of its inputs, [N, n], multiplied by `scale`. */
  lower: string;
  upper: string;
  scale: number;
  /** Kernel [n, d] and bias [d], row by row. */
  kernel: Float32Array;
  bias: Float32Array;
}

/**
 * Writes interval bounds of the encoder (Gowal et al., ICCV 2019) over all images in [0, 1] within a radius of `image` in the maximum norm,
 * up to the last layer. The radii cover the rounding of float32 (`shared/decision/interval-rounding.ts`).
 *
 * @throws ConversionError naming a layer that has no bounds
 */
export function boundEncoder(graph: GraphBuilder, { encoder, input }: BoundedEncoder, radius: number): LastLayer {
  const layers = encoder.layers.filter((layer) => layer.getClassName() !== 'InputLayer');
  const last = layers.pop();
  if (last?.getClassName() !== 'Dense' || (last.getConfig().activation ?? 'linear') !== 'linear')
    throw withoutBounds(last?.name ?? 'none', 'the last layer must be Dense without an activation');
  const { lower, upper, scale } = layers.reduce((box, layer) => boundLayer(graph, layer, box), imageBox(graph, input, radius));
  const [kernel, bias] = last.getWeights().map((weight) => weight.dataSync() as Float32Array) as [Float32Array, Float32Array];
  return { lower: lower.name, upper: upper.name, scale, kernel, bias };
}

function imageBox(graph: GraphBuilder, { height, width, channels }: Screening['input'], radius: number): Box {
  const shape = [height, width, channels];
  const r = graph.scalar(boxRadius(radius));
  const image = fromChannelsLast(graph, { name: 'image', shape });
  const lower = graph.node('Max', [graph.node('Sub', [image, r]), graph.scalar(0)]);
  const upper = graph.node('Min', [graph.node('Add', [image, r]), graph.scalar(1)]);
  return { lower: { name: lower, shape }, upper: { name: upper, shape }, scale: 1 };
}

function boundLayer(graph: GraphBuilder, layer: tf.layers.Layer, { lower, upper, scale }: Box): Box {
  const kind = layer.getClassName();
  const type = layerTypes[kind as LayerKind];
  if (type?.monotone) return { lower: type.convert(graph, layer, lower).value, upper: type.convert(graph, layer, upper).value, scale };
  if (!type?.linear) throw withoutBounds(`${layer.name} (${kind})`, 'a layer must be Conv2D, Dense, MaxPooling2D, Flatten or Reshape');
  // Bounds of 0 or more let the upper one stand for the absolute value below.
  if (layer.getConfig().activation !== 'relu') throw withoutBounds(layer.name, 'only the last layer may be without ReLU');
  const { names, terms, shape, apply } = type.linear(graph, layer, lower.shape) as Linear;
  const share = roundingShare(terms);
  const bias = Array.from((layer.getWeights()[1] as tf.Tensor).dataSync());
  const scaledBias = (change: (value: number) => number) => graph.floats(bias.map((value) => 2 * scale * change(value)));
  const sum = graph.node('Add', [lower.name, upper.name]);
  const width = graph.node('Sub', [graph.node('Mul', [upper.name, graph.scalar(1 + 2 * share)]), lower.name]);
  const centre = apply(
    sum,
    names[0],
    scaledBias((value) => value),
  );
  const radius = apply(
    width,
    graph.node('Abs', [names[0]]),
    scaledBias((value) => share * Math.abs(value) + UNDERFLOW),
  );
  const after = (operation: string) => activated(graph, layer, { name: graph.node(operation, [centre, radius]), shape }).value;
  return { lower: after('Sub'), upper: after('Add'), scale: 2 * scale };
}

function withoutBounds(layer: string, allowed: string): ConversionError {
  return new ConversionError(`the encoder's layer ${layer} has no interval bounds, which strict mode needs; ${allowed}`);
}

import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { activated } from './activations.ts';
import { ConversionError, configOf, imageShape, type LayerConverter, pair, trained, type Value } from './layer-conversion.ts';

export const denseLayer: LayerConverter = (graph, layer, input) => {
  const kernel = trained(layer, 0);
  if (!kernel) throw new ConversionError(`layer ${layer.name} (Dense) has no weights; build the model before exporting it`);
  if (input.shape.length !== 1) {
    throw new ConversionError(
      `layer ${layer.name} (Dense) has an input of shape [${input.shape.join(', ')}]; flatten it first, only vectors can be exported`,
    );
  }
  const weight = graph.weight(kernel.values, kernel.shape);
  const bias = trained(layer, 1);
  const name = graph.node('Gemm', [input.name, weight, ...(bias ? [graph.weight(bias.values, bias.shape)] : [])]);
  const value: Value = { name, shape: [kernel.shape[1] as number] };
  return activated(graph, layer, value, (gradient) => graph.node('Gemm', [gradient, weight], { transB: 1 }));
};

/** From [N, C, H, W] to [N, H * W * C] in tfjs's order, channels last. */
export const flattenLayer: LayerConverter = (graph, _, input) => {
  const size = input.shape.reduce((product, length) => product * length, 1);
  return reshaped(graph, input, [size]);
};

export const reshapeLayer: LayerConverter = (graph, layer, input) => {
  const size = input.shape.reduce((product, length) => product * length, 1);
  const target = [...(configOf(layer).targetShape ?? [])];
  const free = target.findIndex((length) => length === -1 || length === null);
  if (free >= 0) target[free] = size / target.reduce((product, length, i) => (i === free ? product : product * length), 1);
  return reshaped(graph, input, target);
};

export const identityLayer: LayerConverter = (_, __, input) => ({ value: input, pullback: (gradient) => gradient });

/** Batch normalisation as it is after training: y = x * scale + shift. */
export const batchNormLayer: LayerConverter = (graph, layer, input) => {
  const { axis, epsilon = 1e-3 } = configOf(layer);
  const only = Array.isArray(axis) ? axis[0] : (axis ?? -1);
  if (only !== -1 && only !== input.shape.length) {
    throw new ConversionError(`layer ${layer.name} (BatchNormalization) has axis ${only}; only the last axis can be exported`);
  }
  const config = layer.getConfig() as { scale?: boolean; center?: boolean };
  const weights = layer.getWeights().map((tensor) => tensor.dataSync() as Float32Array);
  const channels = input.shape.at(-1) as number;
  const constant = (value: number) => new Float32Array(channels).fill(value);
  const gamma = config.scale === false ? constant(1) : (weights.shift() as Float32Array);
  const beta = config.center === false ? constant(0) : (weights.shift() as Float32Array);
  const [mean, variance] = weights as [Float32Array, Float32Array];
  const scale = gamma.map((value, i) => value / Math.sqrt((variance[i] as number) + epsilon));
  const shift = beta.map((value, i) => value - (mean[i] as number) * (scale[i] as number));
  const shape = input.shape.length === 3 ? [channels, 1, 1] : [channels];
  const by = graph.weight(scale, shape);
  const name = graph.node('Add', [graph.node('Mul', [input.name, by]), graph.weight(shift, shape)]);
  return { value: { ...input, name }, pullback: (gradient) => graph.node('Mul', [gradient, by]) };
};

export const zeroPaddingLayer: LayerConverter = (graph, layer, input) => {
  const [height, width, channels] = imageShape(layer, input);
  const given = configOf(layer).padding as unknown as number | [number, number] | [[number, number], [number, number]];
  const sides = typeof given === 'number' ? [given, given] : given;
  const [vertical, horizontal] = sides.map((side) => pair(side, 0)) as [[number, number], [number, number]];
  const around = [0, 0, vertical[0], horizontal[0], 0, 0, vertical[1], horizontal[1]];
  const name = graph.node('Pad', [input.name, graph.ints(around)]);
  const shape = [height + vertical[0] + vertical[1], width + horizontal[0] + horizontal[1], channels];
  const pullback = (gradient: string) => graph.node('Pad', [gradient, graph.ints(around.map((length) => -length))]);
  return { value: { name, shape }, pullback };
};

/** Reshape in tfjs's order of values; images stand channels first, so they are turned before and after. */
function reshaped(graph: GraphBuilder, input: Value, shape: number[]) {
  const name = fromChannelsLast(graph, graph.node('Reshape', [toChannelsLast(graph, input), graph.ints([-1, ...shape])]), shape);
  const back = (gradient: string) => {
    const flat = toChannelsLast(graph, { name: gradient, shape });
    return fromChannelsLast(graph, graph.node('Reshape', [flat, graph.ints([-1, ...input.shape])]), input.shape);
  };
  return { value: { name, shape }, pullback: back };
}

/** NCHW → NHWC; a plain reshape where nothing moves. Other ranks stay as they are. */
export function toChannelsLast(graph: GraphBuilder, value: Value): string {
  if (value.shape.length !== 3) return value.name;
  if (value.shape[2] === 1) return graph.node('Reshape', [value.name, graph.ints([-1, ...value.shape])]);
  return graph.node('Transpose', [value.name], { perm: [0, 2, 3, 1] });
}

/** NHWC → NCHW. @param shape [H, W, C] */
export function fromChannelsLast(graph: GraphBuilder, name: string, shape: readonly number[]): string {
  if (shape.length !== 3) return name;
  const [height, width, channels] = shape as [number, number, number];
  if (channels === 1) return graph.node('Reshape', [name, graph.ints([-1, 1, height, width])]);
  return graph.node('Transpose', [name], { perm: [0, 3, 1, 2] });
}

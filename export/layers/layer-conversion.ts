import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../shared/user-error.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';

/** A value within a graph: its name and its shape as tfjs sees it, without the batch. Three dimensions [H, W, C] stand as NCHW. */
export interface Value {
  name: string;
  shape: number[];
}

/**
 * The vector-Jacobian product of a layer: writes the nodes that take the gradient of its output to that of its input, and
 * returns the latter's name. Undefined where the exporter has no rule for the layer.
 */
export type Pullback = (gradient: string) => string;

export interface Converted {
  value: Value;
  pullback?: Pullback;
}

export type LayerConverter = (graph: GraphBuilder, layer: tf.layers.Layer, input: Value) => Converted;

/** A layer or an option that can't be written as ONNX; the message names it and what is allowed. */
export class ConversionError extends UserError {}

/** What a layer's config may hold, as far as it is read here. */
export interface LayerConfig {
  activation?: string;
  alpha?: number;
  axis?: number | number[];
  data_format?: string;
  dataFormat?: string;
  dilationRate?: number | number[];
  epsilon?: number;
  interpolation?: string;
  kernelSize?: number[];
  padding?: string | number[][];
  poolSize?: number[];
  size?: number[];
  strides?: number | number[];
  targetShape?: number[];
  useBias?: boolean;
}

export function configOf(layer: tf.layers.Layer): LayerConfig {
  const config = layer.getConfig() as LayerConfig;
  const format = config.dataFormat ?? config.data_format;
  if (format !== undefined && format !== null && format !== 'channelsLast') {
    throw new ConversionError(`layer ${layer.name} (${layer.getClassName()}) has dataFormat ${format}; only channelsLast can be exported`);
  }
  return config;
}

/** The option of a layer, refused with what is allowed where it is something else. */
export function allowed<T extends string>(layer: tf.layers.Layer, option: string, value: unknown, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) {
    throw new ConversionError(
      `layer ${layer.name} (${layer.getClassName()}) has ${option} ${String(value)}; allowed are ${choices.join(', ')}`,
    );
  }
  return choice;
}

/** [H, W, C] of a layer's input. @throws ConversionError where it is no image */
export function imageShape(layer: tf.layers.Layer, input: Value): [number, number, number] {
  if (input.shape.length !== 3) {
    throw new ConversionError(`layer ${layer.name} (${layer.getClassName()}) needs an [H, W, C] input, not [${input.shape.join(', ')}]`);
  }
  return input.shape as [number, number, number];
}

/** A number or a pair, as a pair. */
export function pair(value: number | number[] | undefined, otherwise: number): [number, number] {
  if (value === undefined || value === null) return [otherwise, otherwise];
  return typeof value === 'number' ? [value, value] : [value[0] as number, value[1] as number];
}

/** A trained tensor of the layer, in order; undefined past the last. */
export function trained(layer: tf.layers.Layer, index: number): { values: Float32Array; shape: number[] } | undefined {
  const tensor = layer.getWeights()[index];
  return tensor && { values: tensor.dataSync() as Float32Array, shape: tensor.shape };
}

/** The values with their axes in another order, as tf.transpose would give. */
export function permuted(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
  const sizes = order.map((axis) => shape[axis] as number);
  const output = new Float32Array(values.length);
  const at = new Array<number>(sizes.length).fill(0);
  for (let to = 0; to < output.length; to++) {
    output[to] = values[order.reduce((sum, axis, i) => sum + (at[i] as number) * (strides[axis] as number), 0)] as number;
    for (let i = sizes.length - 1; i >= 0; i--) {
      at[i] = (at[i] as number) + 1;
      if ((at[i] as number) < (sizes[i] as number)) break;
      at[i] = 0;
    }
  }
  return output;
}

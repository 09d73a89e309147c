import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../shared/user-error.ts';

/** Writes the nodes of an ONNX graph, each with one output; values go by their names. Implemented by export/onnx. */
export interface OnnxWriter {
  node(op: string, inputs: readonly string[], attributes?: Record<string, number | string | readonly number[]>): string;
  /** A trained tensor, kept in the weights file. */
  weight(values: Float32Array, shape: readonly number[]): string;
  /** Small tensors, kept in the graph itself; a scalar has the shape []. */
  floats(values: readonly number[], shape?: readonly number[]): string;
  ints(values: readonly number[], shape?: readonly number[]): string;
}

/** A value of the graph. `shape` is tfjs's, without the batch; an image [H, W, C] is NCHW in the graph. */
export interface Value {
  name: string;
  shape: number[];
}

/**
 * The vector-Jacobian product of a layer: writes the nodes that turn the gradient with respect to the layer's output into the one
 * with respect to its input, and returns the latter's name.
 */
export type Pullback = (gradient: string) => string;

export interface Converted {
  value: Value;
  /** Needed of the layers that a decoder has: the search of reclassify.onnx descends through them. */
  pullback?: Pullback;
}

/** A kind of layer in every form that the project has of it. shared/runtime has its ONNX operators. */
export interface LayerType<Options> {
  /** Builds the untrained layer. @param seed gives the seed of the next initializer */
  build(options: Options & { name: string }, seed: () => number): tf.layers.Layer;
  /** Writes the trained layer as ONNX nodes. */
  convert(graph: OnnxWriter, layer: tf.layers.Layer, input: Value): Converted;
  /** Absent if the layer has no weights. */
  weights?: Weights;
  /** Interval bounds of encoders (export/interval-bounds.ts): the layer's sums of products, before its activation. */
  linear?(graph: OnnxWriter, layer: tf.layers.Layer, input: readonly number[]): Linear;
  /** True where the layer only chooses or moves values, so that the results of bounds are bounds of the results. */
  monotone?: true;
}

/** The part of a layer that is linear in the input and in kernel and bias, which may be replaced. */
export interface Linear {
  /** Names of the trained kernel and bias. */
  names: readonly [kernel: string, bias: string];
  /** Number of products in each sum. */
  terms: number;
  /** Of the result. */
  shape: number[];
  apply(input: string, kernel: string, bias: string): string;
}

/** The ONNX operator that takes a layer's kernel and bias, and the axes of tfjs's kernel in ONNX's order. */
export interface Weights {
  operator: string;
  kernelAxes: readonly number[];
}

/** A layer that can't be written as ONNX. The message names it and what is allowed. */
export class ConversionError extends UserError {}

/** Activations, as part of the layer before them; the derivatives are written in terms of the output y. */
const activations = {
  linear: { apply: (_: OnnxWriter, x: string) => x, pullback: (_: OnnxWriter, __: string, gradient: string) => gradient },
  relu: {
    apply: (graph: OnnxWriter, x: string) => graph.node('Relu', [x]),
    pullback: (graph: OnnxWriter, y: string, gradient: string) => {
      const zero = graph.floats([0], []);
      return graph.node('Where', [graph.node('Greater', [y, zero]), gradient, zero]);
    },
  },
  sigmoid: {
    apply: (graph: OnnxWriter, x: string) => graph.node('Sigmoid', [x]),
    pullback: (graph: OnnxWriter, y: string, gradient: string) => {
      const derivative = graph.node('Mul', [y, graph.node('Sub', [graph.floats([1], []), y])]);
      return graph.node('Mul', [gradient, derivative]);
    },
  },
};

export type Activation = keyof typeof activations;

/** Writes the layer's activation of `value`. @param before pullback of what the layer does before it */
export function activated(graph: OnnxWriter, layer: tf.layers.Layer, value: Value, before?: Pullback): Converted {
  const name = (layer.getConfig().activation ?? 'linear') as Activation;
  const activation = activations[name];
  if (!activation)
    throw new ConversionError(`layer ${layer.name} has the activation ${name}; allowed are ${Object.keys(activations).join(', ')}`);
  const y = activation.apply(graph, value.name);
  const pullback = before && ((gradient: string) => before(activation.pullback(graph, y, gradient)));
  return { value: { ...value, name: y }, ...(pullback ? { pullback } : {}) };
}

/** The tfjs options of an activation, and of the kernel's initial values that go with it: He's for ReLU, else Glorot's. */
export function activationOptions(activation: Activation, seed: () => number) {
  const { heNormal, glorotNormal } = tf.initializers;
  return {
    ...(activation === 'linear' ? {} : { activation }),
    kernelInitializer: (activation === 'relu' ? heNormal : glorotNormal)({ seed: seed() }),
  };
}

/** Stores the trained tensors of a layer. @returns their names, kernel and bias, and the kernel's shape in ONNX */
export function storeWeights(graph: OnnxWriter, layer: tf.layers.Layer, kernelAxes: readonly number[]) {
  const [kernel, bias] = layer.getWeights() as [tf.Tensor, tf.Tensor];
  const shape = kernelAxes.map((axis) => kernel.shape[axis] as number);
  const transposed = kernel.transpose([...kernelAxes]);
  const weight = graph.weight(transposed.dataSync() as Float32Array, shape);
  transposed.dispose();
  return { names: [weight, graph.weight(bias.dataSync() as Float32Array, bias.shape)] as const, shape };
}

/** Turns NCHW into NHWC; vectors stay as they are. */
export function toChannelsLast(graph: OnnxWriter, { name, shape }: Value): string {
  if (shape.length !== 3) return name;
  // With one channel nothing moves.
  if (shape[2] === 1) return graph.node('Reshape', [name, graph.ints([-1, ...shape])]);
  return graph.node('Transpose', [name], { perm: [0, 2, 3, 1] });
}

/** Turns NHWC into NCHW; vectors stay as they are. */
export function fromChannelsLast(graph: OnnxWriter, { name, shape }: Value): string {
  if (shape.length !== 3) return name;
  const [height, width, channels] = shape as [number, number, number];
  if (channels === 1) return graph.node('Reshape', [name, graph.ints([-1, 1, height, width])]);
  return graph.node('Transpose', [name], { perm: [0, 3, 1, 2] });
}

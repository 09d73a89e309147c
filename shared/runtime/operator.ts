import type { Heap } from './heap.ts';
import type { Constant, OnnxNode } from './read-onnx.ts';

/**
 * A value of each image. `shape` is without the batch. If `channelsLast`, the shape is ONNX's [C, H, W], but the values stand in memory
 * as [H, W, C], as the kernels read them.
 */
export interface Value {
  address: number;
  shape: number[];
  channelsLast: boolean;
}

/** Does an operator's work for the first `images` images. */
export type Step = (images: number) => void;

/** A vector times a matrix, as it was compiled: an operator may join its step with one that reads the same weights. */
export interface Product {
  kernel: Constant;
  input: Value;
  value: Value;
  /** Address of the packed weights. */
  weights: number;
  step: Step;
}

export interface Context {
  heap: Heap;
  /** The most images of a run. */
  capacity: number;
  node: OnnxNode;
  constants: Map<string, Constant>;
  /** Scratch memory of the kernel `convolve`. */
  table: number;
  steps: Step[];
  products: Product[];
}

/**
 * Checks a node, adds the steps that compute it, and returns its value; or a constant, computed now from constants. An input that the node
 * leaves out is undefined.
 */
export type Operator = (context: Context, inputs: (Value | Constant | undefined)[]) => Value | Constant;

/** An operator, an attribute or a shape that this runtime does not know. */
export class UnsupportedGraphError extends Error {
  override name = 'UnsupportedGraphError';
}

export function unsupported(node: OnnxNode, what: string): never {
  throw new UnsupportedGraphError(`screen.onnx has ${node.op} (${node.output}) ${what}, which the edge's own runtime does not know`);
}

/** An operator whose first input must be a value; it reads its constants itself. */
export const ofValue =
  (operator: (context: Context, input: Value) => Value): Operator =>
  (context, [input]) =>
    !input || 'values' in input ? unsupported(context.node, 'of a constant') : operator(context, input);

export const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** Allocates a new value of each image. */
export function createValue({ heap, capacity }: Context, shape: number[], channelsLast = false): Value {
  return { address: heap.allocate(capacity * sizeOf(shape)), shape, channelsLast };
}

/** Returns channels, height and width of a value that is an image. */
export function imageOf({ node }: Context, { channelsLast, shape }: Value): [number, number, number] {
  if (!channelsLast) unsupported(node, 'of a value that is no image');
  return shape as [number, number, number];
}

/** Returns the constant that is input `index` of the node. */
export function constantOf({ node, constants }: Context, index: number): Constant {
  return constants.get(node.inputs[index] ?? '') ?? unsupported(node, `whose input ${index} is no constant`);
}

/** Returns a list attribute, or ONNX's default. */
export function listOf({ attributes }: OnnxNode, name: string, otherwise: number[]): number[] {
  const value = attributes[name];
  return Array.isArray(value) && value.length > 0 ? value : otherwise;
}

import type { Heap } from './heap.ts';
import type { Constant, OnnxNode } from './read-onnx.ts';

/**
 * A value of each image. `shape` is without the batch. Where `channelsLast`, it is the [C, H, W] that ONNX says, but stands in memory
 * as [H, W, C], as the kernels want it.
 */
export interface Value {
  address: number;
  shape: number[];
  channelsLast: boolean;
}

/** Does an operator's work for the first `images` images. */
export type Step = (images: number) => void;

export interface Context {
  heap: Heap;
  /** Images at once, at most. */
  capacity: number;
  node: OnnxNode;
  constants: Map<string, Constant>;
  /** Scratch of the kernel `convolve`. */
  table: number;
  steps: Step[];
}

/** An operator, an attribute or a shape that this runtime does not know. */
export class UnsupportedGraphError extends Error {
  override name = 'UnsupportedGraphError';
}

export function unsupported(node: OnnxNode, what: string): never {
  throw new UnsupportedGraphError(`screen.onnx has ${node.op} (${node.output}) ${what}, which the edge's own runtime does not know`);
}

export const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** Room for a new value of each image. */
export function createValue({ heap, capacity }: Context, shape: number[], channelsLast = false): Value {
  return { address: heap.allocate(capacity * sizeOf(shape)), shape, channelsLast };
}

/** Initializer number `index` of a node. */
export function constantOf({ node, constants }: Context, index: number): Constant {
  return constants.get(node.inputs[index] ?? '') ?? unsupported(node, `whose input ${index} is no constant`);
}

/** A list attribute, or what ONNX takes without it. */
export function listOf({ attributes }: OnnxNode, name: string, otherwise: number[]): number[] {
  const value = attributes[name];
  return Array.isArray(value) && value.length > 0 ? value : otherwise;
}

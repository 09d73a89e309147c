import type { Box } from './box.ts';
import type { Linear } from './linear.ts';
import { CertificateError, type Constant, type Node } from './read-graph.ts';

/** Turns the box of a layer's input into a box that holds every value of its output. */
export interface Layer {
  /** Shape of the output, without the batch. */
  shape: number[];
  bound(input: Box): Box;
  /** The layer as a matrix, where it is dense. */
  linear?: Linear;
  /** It changes nothing. */
  renames?: boolean;
}

/**
 * Reads a layer.
 *
 * @param shape of its input, without the batch
 * @param constants its other inputs
 * @throws CertificateError where it does something that has no bounds
 */
export type ReadLayer = (node: Node, shape: number[], constants: (Constant | undefined)[]) => Layer;

export function unsupported(node: Node, what: string): never {
  throw new CertificateError(`the layer ${node.name} has no bounds: ${what}. Without bounds of every layer nothing can be proven`);
}

export const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

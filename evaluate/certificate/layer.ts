import type { Box } from './box.ts';
import { CertificateError, type Constant, type Node } from './read-graph.ts';

/** An upper bound, coefficients x + constant, of a number that depends on a layer's values x. */
export interface UpperBound {
  coefficients: Float64Array;
  constant: number;
}

/** A layer with bounds. */
export interface Layer {
  /** Shape of the output, without the batch. */
  shape: number[];
  /** Turns the box of the input into a box that holds every value of the output. */
  bound(input: Box): Box;
  /**
   * Turns an upper bound in the output's values into one in the input's: the same where the layer is linear, and else one by linear
   * relaxation within the boxes (CROWN; Zhang et al., NeurIPS 2018).
   */
  pull(bound: UpperBound, input: Box, output: Box): UpperBound;
  /** The layer adds up its inputs, so that what they have in common cancels in a bound that was pulled through it. */
  adds?: boolean;
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

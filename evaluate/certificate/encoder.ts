import { type Box, imageBox } from './box.ts';
import type { Layer, UpperBound } from './layer.ts';
import { layers } from './layers.ts';
import { CertificateError, type Graph } from './read-graph.ts';

export interface BoundedEncoder {
  /**
   * Computes the boxes of an encoder's values for every image within `radius` of this one in linf, with values in [0, 1].
   *
   * @param image [H, W, C] flat
   * @returns the box of the image, then that of each layer's output; the last is the latent's
   */
  bound(image: ArrayLike<number>, radius: number): Box[];
  /**
   * Bounds a z from above for the latents z of all these images and a direction a: first by the latent's box, then by the box before each
   * layer that adds, from the last to the first, to which the bound is pulled back. The further back, the more work, and mostly the lower.
   */
  upperBounds(boxes: readonly Box[], direction: readonly number[]): Generator<number>;
}

/**
 * Reads an encoder as a chain of layers with bounds.
 *
 * @param image shape of its input, [H, W, C]
 * @throws CertificateError naming the layer that has no bounds
 */
export function boundedEncoder({ nodes, constants, input, output }: Graph, image: number[]): BoundedEncoder {
  const chain: Layer[] = [];
  let [value, shape] = [input, image];
  for (const node of nodes) {
    const read = layers[node.op];
    if (!read)
      throw new CertificateError(
        `the layer ${node.name} (${node.op}) has no bounds; ${Object.keys(layers).join(', ')} have. Nothing can be proven of this encoder`,
      );
    const [own, ...others] = node.inputs;
    if (own !== value)
      throw new CertificateError(`the layer ${node.name} does not follow the layer before it; only a chain of layers has bounds`);
    const layer = read(
      node,
      shape,
      others.map((name) => constants.get(name)),
    );
    chain.push(layer);
    [value, shape] = [node.output, layer.shape];
  }
  if (value !== output || shape.length !== 1) throw new CertificateError(`the encoder ends in ${value} [${shape}], not in a latent`);
  return {
    bound(values, radius) {
      const boxes = [imageBox(values, image, radius)];
      for (const layer of chain) boxes.push(layer.bound(boxes.at(-1) as Box));
      return boxes;
    },
    *upperBounds(boxes, direction) {
      let bound: UpperBound = { coefficients: Float64Array.from(direction), constant: 0 };
      yield mostOf(bound, boxes.at(-1) as Box);
      for (let i = chain.length - 1; i >= 0; i--) {
        const [layer, input, output] = [chain[i] as Layer, boxes[i] as Box, boxes[i + 1] as Box];
        bound = layer.pull(bound, input, output);
        if (layer.adds) yield mostOf(bound, input);
      }
    },
  };
}

/** Returns the largest value of an upper bound in a box. */
function mostOf({ coefficients, constant }: UpperBound, { lower, upper }: Box): number {
  let most = constant;
  for (let i = 0; i < coefficients.length; i++) {
    const a = coefficients[i] as number;
    most += a * ((a > 0 ? upper[i] : lower[i]) as number);
  }
  return most;
}

import { type Box, imageBox } from './box.ts';
import type { Layer } from './layer.ts';
import { layers } from './layers.ts';
import type { Linear } from './linear.ts';
import { CertificateError, type Graph } from './read-graph.ts';

/** The bounds of an encoder's last steps for all images within a radius. */
export interface EncoderBounds {
  /** The values that the last layer takes. */
  hidden: Box;
  latent: Box;
}

export interface BoundedEncoder {
  /** The last layer, where it is dense: latent = W hidden + b. */
  last: Linear | null;
  /** Returns bounds for every image within `radius` of this one in linf, with values in [0, 1]. @param image [H, W, C] flat */
  bound(image: ArrayLike<number>, radius: number): EncoderBounds;
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
  const place = chain.findLastIndex(({ linear }) => linear !== undefined);
  // Behind the last dense layer nothing may follow but other names for its result.
  const last = chain.slice(place + 1).every((layer) => layer.renames) ? (chain[place]?.linear ?? null) : null;
  return {
    last,
    bound(values, radius) {
      const box = imageBox(values, image, radius);
      const hidden = chain.slice(0, last ? place : chain.length).reduce((own, layer) => layer.bound(own), box);
      return { hidden, latent: last ? (chain[place] as Layer).bound(hidden) : hidden };
    },
  };
}

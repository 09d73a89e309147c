import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { RADIUS_TOLERANCE } from '../measure/outcome.ts';
import { type Acceptance, acceptances } from './acceptance.ts';
import type { Box } from './box.ts';
import { boundedEncoder } from './encoder.ts';
import { readGraph } from './read-graph.ts';

/**
 * Proves, for an image, as which classes nothing near it can be accepted.
 *
 * @param image [H, W, C] flat, in [0, 1]
 * @param radius in linf
 * @returns the classes that are not excluded, in order; its own, if it is accepted, is always among them
 */
export type PossibleClasses = (image: ArrayLike<number>, radius: number) => number[];

/**
 * Makes the certificate of a bundle from encoder.onnx and screening.json: a class that it does not return is one that no image within the
 * radius, with values in [0, 1], is accepted as, whatever float32 arithmetic evaluates the graph. It uses the label and the latent test;
 * the other tests can only reject more.
 *
 * @param encoder bytes of encoder.onnx
 * @param weights bytes of weights.bin
 * @throws CertificateError where a layer or the covariances have no bounds
 */
export function certificateOf(encoder: Uint8Array, weights: Uint8Array, screening: Screening): PossibleClasses {
  const { height, width, channels } = screening.input;
  const { bound, upperBounds } = boundedEncoder(readGraph(encoder, weights), [height, width, channels]);
  const classes = acceptances(screening);
  return (image, radius) => {
    // Evaluations count a change as within the radius that exceeds it by this share.
    const boxes = bound(image, radius * (1 + RADIUS_TOLERANCE));
    /** Bounds a z, so far back, until it is below what acceptance needs. @returns by how much it is not */
    const excess = ({ direction, least }: Acceptance['pairs'][number], steps: number) => {
      let smallest = Number.POSITIVE_INFINITY;
      let step = 0;
      for (const most of upperBounds(boxes, direction)) {
        smallest = Math.min(smallest, most - least);
        if (smallest < 0 || ++step === steps) break;
      }
      return smallest;
    };
    return classes.flatMap((own, t) => {
      if (!reaches(own, boxes.at(-1) as Box)) return [];
      // By the last layer's input, which is little work, for each other class; then for the one that comes nearest.
      const nearest = own.pairs.map((pair) => ({ pair, excess: excess(pair, 2) })).sort((a, b) => a.excess - b.excess)[0];
      return !nearest || (nearest.excess >= 0 && excess(nearest.pair, Number.POSITIVE_INFINITY) >= 0) ? [t] : [];
    });
  };
}

/** Says whether some latent of the box passes the latent test: sum_j max(0, l_j - mu_j, mu_j - u_j)^2 / variance_j <= tau. */
function reaches({ mean, variances, limit }: Acceptance, { lower, upper }: Box): boolean {
  const distance = mean.reduce((sum, value, j) => {
    const gap = Math.max(0, (lower[j] as number) - value, value - (upper[j] as number));
    return sum + (gap * gap) / (variances[j] as number);
  }, 0);
  return distance <= limit;
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { RADIUS_TOLERANCE } from '../measure/outcome.ts';
import { type Acceptance, acceptances } from './acceptance.ts';
import type { Box } from './box.ts';
import { boundedEncoder, type EncoderBounds } from './encoder.ts';
import { type Linear, roundingMargin, weightAt } from './linear.ts';
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
  const { last, bound } = boundedEncoder(readGraph(encoder, weights), [height, width, channels]);
  const classes = acceptances(screening);
  return (image, radius) => {
    // Evaluations count a change as within the radius that exceeds it by this share.
    const bounds = bound(image, radius * (1 + RADIUS_TOLERANCE));
    const most = mostAlong(bounds, last);
    return classes.flatMap((own, t) => {
      const isPossible = reaches(own, bounds.latent) && own.pairs.every(({ direction, least }) => most(direction) >= least);
      return isPossible ? [t] : [];
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

/**
 * Returns a function that bounds a z from above, for a direction a. With the last layer elided, a z = (a W) h + a b, so that what its
 * results have in common cancels before the bound is taken.
 */
function mostAlong({ hidden, latent }: EncoderBounds, last: Linear | null): (direction: readonly number[]) => number {
  if (!last)
    return (direction) =>
      direction.reduce((sum, value, j) => sum + Math.max(value * (latent.lower[j] as number), value * (latent.upper[j] as number)), 0);
  const { inputs, bias } = last;
  const margins = bias.map((b, j) => {
    let sum = Math.abs(b);
    for (let i = 0; i < inputs; i++)
      sum += Math.abs(weightAt(last, j, i)) * Math.max(Math.abs(hidden.lower[i] as number), Math.abs(hidden.upper[i] as number));
    return roundingMargin(inputs, sum);
  });
  return (direction) => {
    let most = 0;
    const rows = [...direction.keys()].filter((j) => direction[j] !== 0);
    for (const j of rows)
      most += (direction[j] as number) * (bias[j] as number) + Math.abs(direction[j] as number) * (margins[j] as number);
    for (let i = 0; i < inputs; i++) {
      let weight = 0;
      for (const j of rows) weight += (direction[j] as number) * weightAt(last, j, i);
      most += Math.max(weight * (hidden.lower[i] as number), weight * (hidden.upper[i] as number));
    }
    return most;
  };
}

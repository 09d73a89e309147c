import { undetected } from '../outcome.ts';
import { isClean, type MeasuredPart } from './measured-parts.ts';

/** Of a radius, relative: what float32 may add to an image at its very edge. */
const ROUNDING = 1e-5;

/** Whether a change of so much is one that an attacker with this radius may make. */
export const within = (radius: number, eps: number) => radius <= eps * (1 + ROUNDING);

/** Images that any outcome of the parts is of. */
export const imagesIn = (parts: readonly MeasuredPart[]) => new Set(parts.flatMap(({ outcomes }) => outcomes.map(({ image }) => image)));

/**
 * Of each image that any of the parts breaks, the least change that does: the union of them. A clean image that is accepted as a wrong
 * class is broken at 0. Outcomes of which the change was not measured count with all that it might have been.
 */
export function leastRadii(parts: readonly MeasuredPart[]): Map<number, number> {
  const least = new Map<number, number>();
  for (const part of parts)
    for (const outcome of part.outcomes) {
      if (!undetected(outcome)) continue;
      const radius = isClean(part) ? 0 : (outcome.radius ?? outcome.eps);
      if (radius !== null) least.set(outcome.image, Math.min(radius, least.get(outcome.image) ?? Number.POSITIVE_INFINITY));
    }
  return least;
}

/** How many of the images are broken within the radius. */
export function brokenWithin(least: ReadonlyMap<number, number>, images: Iterable<number>, eps: number): number {
  let count = 0;
  for (const image of images) if (within(least.get(image) ?? Number.POSITIVE_INFINITY, eps)) count++;
  return count;
}

import type { Norm } from '../../attacks/steps/projection.ts';
import { rate } from '../../shared/rate.ts';
import { RADIUS_TOLERANCE, undetected } from '../measure/outcome.ts';
import type { Radii } from '../measure/radii.ts';
import { isBlackBox, isClean, isMinimumNorm, type MeasuredPart } from './measured-parts.ts';
import type { BrokenWithin, SecurityCurve } from './report-schema.ts';

/** Number of radii in a curve, about. */
const STEPS = 100;
/** Widths of the steps of a curve: in linf and l2 shares of a value, in l0 pixels. */
const WIDTHS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 25, 100, 500];
/** A curve ends at this multiple of the largest radius in the tables: beyond it an image is a different image. */
const LARGEST_MULTIPLE = 3;

/** Says whether an attacker with this radius may use a perturbation of this size; `undefined` is no perturbation at all. */
export const isWithinRadius = (size: number | undefined, radius: number) => size !== undefined && size <= radius * (1 + RADIUS_TOLERANCE);

/** Returns the numbers of the images that the parts have outcomes for. */
export const imagesOf = (parts: readonly MeasuredPart[]) => new Set(parts.flatMap(({ outcomes }) => outcomes.map(({ image }) => image)));

/**
 * Returns the size of the smallest perturbation that any of the parts found, per broken image. A clean image that is accepted with a wrong
 * class is broken at 0. An outcome whose perturbation was not measured counts with the radius of its attack.
 */
export function smallestPerturbations(parts: readonly MeasuredPart[]): Map<number, number> {
  const smallest = new Map<number, number>();
  for (const part of parts)
    for (const outcome of part.outcomes.filter(undetected)) {
      const size = isClean(part) ? 0 : (outcome.radius ?? outcome.eps);
      if (size !== null) smallest.set(outcome.image, Math.min(size, smallest.get(outcome.image) ?? Number.POSITIVE_INFINITY));
    }
  return smallest;
}

/** Counts the images that are broken within the radius. */
export function countBroken(smallest: ReadonlyMap<number, number>, images: Iterable<number>, radius: number): number {
  let count = 0;
  for (const image of images) if (isWithinRadius(smallest.get(image), radius)) count++;
  return count;
}

/**
 * Counts the broken images within each radius, in round steps from 0 to the largest perturbation found.
 *
 * @param tabled the radii of the tables
 */
export function brokenCurve(smallest: ReadonlyMap<number, number>, images: ReadonlySet<number>, tabled: readonly number[]): BrokenWithin {
  const largest = Math.max(...tabled);
  const found = [...images].flatMap((image) => smallest.get(image) ?? []);
  const end = Math.min(LARGEST_MULTIPLE * largest, Math.max(largest, ...found));
  const step = WIDTHS.find((width) => end / width <= STEPS) ?? end;
  const radii = Array.from({ length: Math.ceil(end / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
  return { radii, broken: radii.map((radius) => countBroken(smallest, images, radius)) };
}

/** Returns, for each attack that searches for the nearest broken image, how many images it breaks within each radius. */
export function securityCurves(parts: readonly MeasuredPart[], radii: Radii): SecurityCurve[] {
  return parts.filter(isMinimumNorm).map((part) => {
    const norm = part.norm as Norm;
    const [images, smallest] = [imagesOf([part]), smallestPerturbations([part])];
    const sizes = [...smallest.values()].sort((a, b) => a - b);
    return {
      ...{ protocol: part.protocol, part: part.name, norm, blackBox: isBlackBox(part), about: part.about, images: images.size },
      found: rate(smallest.size, images.size),
      medianRadius: sizes[sizes.length >> 1] ?? null,
      curve: brokenCurve(smallest, images, radii[norm]),
    };
  });
}

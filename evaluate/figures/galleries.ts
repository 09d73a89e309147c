import { type ImageShape, sizeOf } from '../../attacks/tensors.ts';
import type { Outcome } from '../measure/outcome.ts';
import { type Radii, radiiFor } from '../measure/radii.ts';
import { isClean, type MeasuredPart } from './measured-parts.ts';
import type { Gallery } from './report-schema.ts';

/** Most galleries of a protocol. */
const MOST_GALLERIES = 6;
/** Most images in a gallery; half of it for images with more values than `LARGE`. */
const MOST_IMAGES = 9;
const LARGE = 4096;

/**
 * Returns, for each attack at one of its radii, its first images with the test images that they were made from. Where an image has several
 * targets, the images are taken at even distances.
 */
export function galleriesOf(parts: readonly MeasuredPart[], input: ImageShape): Gallery[] {
  const radii = radiiFor(input);
  const clean = parts.filter(isClean);
  const groups = Map.groupBy(
    parts.filter((part) => !isClean(part) && part.descriptor.twiceTheStepsOf === null && part.outcomes.some(({ picture }) => picture)),
    ({ protocol, attack, name, norm }) => [protocol, attack ?? name, norm].join('\n'),
  );
  const byProtocol = Map.groupBy(
    [...groups.values()].map((group) => partToShow(group, radii)),
    ({ protocol }) => protocol,
  );
  const most = sizeOf(input) > LARGE ? MOST_IMAGES >> 1 : MOST_IMAGES;
  return [...byProtocol.values()]
    .flatMap((own) => own.slice(0, MOST_GALLERIES))
    .map(({ protocol, name, outcomes, descriptor: { otherBundle } }) => {
      const origins = originsOf(outcomes, clean.find((part) => part.protocol === protocol) ?? clean[0]);
      const entries = outcomes.flatMap(({ image, truth, label, accepted, reason, radius, picture: attacked }) => {
        const clean = origins.get(image)?.picture ?? null;
        return attacked === null ? [] : [{ image, truth, label, accepted, reason, radius, attacked, clean, reconstruction: null }];
      });
      return { protocol, part: name, otherBundle, entries: entries.filter((_, i) => i % Math.ceil(entries.length / most) === 0) };
    });
}

/** Returns the clean images by number; none for a part that began with other images, where some number has another class. */
function originsOf(outcomes: readonly Outcome[], clean: MeasuredPart | undefined): Map<number, Outcome> {
  const origins = new Map(clean?.outcomes.map((outcome) => [outcome.image, outcome]));
  const same = outcomes.every(({ image, truth }) => (origins.get(image)?.truth ?? truth) === truth);
  return same ? origins : new Map();
}

/** Chooses among an attack's radii: the second largest of the tables (linf 0.2, l2 1.5), or the nearest to it. */
function partToShow(parts: readonly MeasuredPart[], radii: Radii): MeasuredPart {
  const distance = ({ norm, eps }: MeasuredPart) => (norm === null || eps === null ? 0 : Math.abs(eps - (radii[norm].at(-2) as number)));
  return parts.toSorted((a, b) => distance(a) - distance(b))[0] as MeasuredPart;
}

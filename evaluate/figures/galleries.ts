import type { Outcome } from '../outcome.ts';
import { RADII } from '../protocols/adaptive.ts';
import { isClean, type MeasuredPart, TWICE } from './measured-parts.ts';
import type { Gallery } from './report-schema.ts';

/** Galleries of a protocol, and images of each, at most; fewer where images are large. */
const MOST_GALLERIES = 6;
const MOST_IMAGES = 9;
const LARGE = 4096;

/** Of each attack, at one radius of several, its first images beside what they were made from; evenly taken, where each has several targets. */
export function galleriesOf(parts: readonly MeasuredPart[], size: number): Gallery[] {
  const clean = parts.filter(isClean);
  const groups = Map.groupBy(
    parts.filter((part) => !isClean(part) && !part.name.includes(TWICE) && part.outcomes.some(({ picture }) => picture)),
    ({ protocol, attack, name, norm }) => [protocol, attack ?? name, norm].join('\n'),
  );
  const shown = [...Map.groupBy([...groups.values()].map(shownOf), ({ protocol }) => protocol).values()];
  return shown
    .flatMap((own) => own.slice(0, MOST_GALLERIES))
    .map(({ protocol, name, outcomes }) => {
      const origins = originsOf(outcomes, clean.find((part) => part.protocol === protocol) ?? clean[0]);
      return {
        ...{ protocol, part: name },
        entries: outcomes
          .flatMap(({ image, truth, label, accepted, reason, radius, picture }) => {
            if (!picture) return [];
            return [
              {
                ...{ image, truth, label, accepted, reason, radius, attacked: picture },
                ...{ clean: origins.get(image)?.picture ?? null, reconstruction: null },
              },
            ];
          })
          .filter((_, i, all) => i % Math.ceil(all.length / (size > LARGE ? MOST_IMAGES >> 1 : MOST_IMAGES)) === 0),
      };
    });
}

/** By number, the images as they were; none of a part that began with others: of those some number has another class. */
function originsOf(outcomes: readonly Outcome[], clean: MeasuredPart | undefined): Map<number, Outcome> {
  const origins = new Map(clean?.outcomes.map((outcome) => [outcome.image, outcome]));
  const same = outcomes.every(({ image, truth }) => (origins.get(image)?.truth ?? truth) === truth);
  return same ? origins : new Map();
}

/** Of several radii the one before the last of the tables (linf .2, l2 1.5), or the nearest to it. */
function shownOf(parts: readonly MeasuredPart[]): MeasuredPart {
  const distance = ({ norm, eps }: MeasuredPart) => (norm === null || eps === null ? 0 : Math.abs(eps - (RADII[norm].at(-2) as number)));
  return parts.toSorted((a, b) => distance(a) - distance(b))[0] as MeasuredPart;
}

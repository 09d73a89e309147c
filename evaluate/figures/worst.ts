import { NORMS, type Norm } from '../../attacks/ball.ts';
import { RADII } from '../protocols/adaptive.ts';
import { brokenWithin, imagesIn, leastRadii, within } from './broken-radii.ts';
import { isAtDoor, isBlackBox, isClean, isMinimumNorm, type MeasuredPart, TWICE } from './measured-parts.ts';
import { brokenOverRadii } from './radius-grid.ts';
import { rate } from './rate.ts';
import type { Worst } from './report-schema.ts';

/** What the union over several protocols is called. */
export const ALL_ATTACKS = 'all attacks';

/**
 * The union of attacks of each protocol and norm, and of all protocols where several have attacks: whatever breaks an image breaks it.
 * The same number is the same test image in all of them; where their classes say that it is not, they are not united.
 */
export function worstOf(parts: readonly MeasuredPart[]): Worst[] {
  const clean = parts.filter(isClean);
  const protocols = [...Map.groupBy(parts, ({ protocol }) => protocol)];
  return NORMS.flatMap((norm) => {
    const attacking = protocols
      .map(([name, own]) => ({ name, attacks: own.filter((part) => part.norm === norm) }))
      .filter(({ attacks }) => attacks.length > 0);
    const all = attacking.flatMap(({ attacks }) => attacks);
    const several = attacking.length > 1 && sameImages(all);
    return [...(several ? [{ name: ALL_ATTACKS, attacks: all }] : []), ...attacking].map(({ name, attacks }) =>
      unionOf(name, norm, attacks, sameImages([...clean, ...attacks]) ? clean : []),
    );
  });
}

function sameImages(parts: readonly MeasuredPart[]): boolean {
  const truths = new Map<number, number>();
  for (const { image, truth } of parts.flatMap(({ outcomes }) => outcomes)) {
    if ((truths.get(image) ?? truth) !== truth) return false;
    truths.set(image, truth);
  }
  return true;
}

function unionOf(name: string, norm: Norm, attacks: readonly MeasuredPart[], clean: readonly MeasuredPart[]): Worst {
  const images = imagesOfUnion(attacks);
  const least = leastRadii([...attacks, ...clean]);
  const rejected = cleanRejected(attacks, clean);
  return {
    ...{ name, norm, images: images.size },
    attacks: attacksOf(attacks).map(({ parts, ...attack }) => {
      const [own, tried] = [leastRadii(parts), imagesIn(parts)];
      const nearest = [...images].filter((image) => own.has(image) && within(own.get(image) as number, least.get(image) as number));
      return { ...attack, tried: [...images].filter((image) => tried.has(image)).length, nearest: nearest.length };
    }),
    at: RADII[norm].map((radius) => {
      const broken = brokenWithin(least, images, radius);
      const rest = [...images].filter((image) => !within(least.get(image) ?? Number.POSITIVE_INFINITY, radius));
      const rejectedClean = rest.filter((image) => rejected.has(image)).length;
      return { radius, broken: rate(broken, images.size), withstood: rest.length - rejectedClean, rejectedClean };
    }),
    curve: brokenOverRadii(least, images, norm),
  };
}

/** Parts that are the same attack with the same budget at several radii; the size of its steps may grow with them. */
function attacksOf(parts: readonly MeasuredPart[]) {
  const groups = Map.groupBy(parts, ({ protocol, attack, name, about }) =>
    [protocol, attack ?? name, about.replaceAll(/\d+\.\d+/g, '#'), name.includes(TWICE)].join('\n'),
  );
  return Array.from(groups.values(), (own) => {
    const { protocol, attack, name, eps, about: first } = own[0] as MeasuredPart;
    const about = own.every((part) => part.about === first) ? first : `at ${eps}: ${first}`;
    const radii = own.flatMap(({ eps }) => eps ?? []).sort((a, b) => a - b);
    return {
      protocol,
      attack: `${attack ?? name}${name.includes(TWICE) && !attack?.includes(TWICE) ? TWICE : ''}`,
      about,
      radii,
      parts: own,
    };
  });
}

/**
 * The images that every attack was tried on that looks for the nearest (where there is none: every attack): an image that only a weak one
 * was tried on would count as withstood. What is run on a few of them, such as attacks without gradients, adds to what is found there.
 */
export function imagesOfUnion(attacks: readonly MeasuredPart[]): Set<number> {
  const nearest = attacks.filter((part) => isMinimumNorm(part) && !isBlackBox(part) && !part.name.includes(TWICE));
  const sets = (nearest.length > 0 ? nearest : attacks.filter((part) => !isAtDoor(part))).map((part) => imagesIn([part]));
  return new Set([...(sets[0] ?? [])].filter((image) => sets.every((own) => own.has(image))));
}

/** Images that are rejected as they are: said by the clean ones, else by attacks that answer with the image itself where they find none. */
function cleanRejected(attacks: readonly MeasuredPart[], clean: readonly MeasuredPart[]): Set<number> {
  const rejected = new Set<number>();
  for (const part of clean) for (const { image, accepted } of part.outcomes) if (!accepted) rejected.add(image);
  for (const part of attacks.filter(isMinimumNorm))
    for (const { image, accepted, radius } of part.outcomes) if (!accepted && radius === null) rejected.add(image);
  return rejected;
}

import { NORMS, type Norm } from '../../attacks/steps/projection.ts';
import { rate } from '../../shared/rate.ts';
import type { Radii } from '../measure/radii.ts';
import { isBlackBox, isClean, isMinimumNorm, type MeasuredPart } from './measured-parts.ts';
import { brokenCurve, imagesOf, isWithinRadius, smallestPerturbations } from './perturbations.ts';
import type { Worst } from './report-schema.ts';

/**
 * Returns the union of the attacks per norm, for each protocol and, where several protocols have attacks, for all of them: an image counts
 * as broken where any attack breaks it. Protocols are united only where the same number is the same test image in all of them, as far as
 * the classes can tell.
 */
export function worstOf(parts: readonly MeasuredPart[], radii: Radii): Worst[] {
  const clean = parts.filter(isClean);
  const protocols = [...Map.groupBy(parts, ({ protocol }) => protocol)];
  return NORMS.flatMap((norm) => {
    const attacking = protocols
      .map(([name, own]) => ({ name, attacks: own.filter((part) => part.norm === norm) }))
      .filter(({ attacks }) => attacks.length > 0);
    const all = attacking.flatMap(({ attacks }) => attacks);
    const united = attacking.length > 1 && haveSameImages(all) ? [{ name: 'all attacks', attacks: all }] : [];
    return [...united, ...attacking].map(({ name, attacks }) =>
      unionOf(name, norm, attacks, haveSameImages([...clean, ...attacks]) ? clean : [], radii),
    );
  });
}

function haveSameImages(parts: readonly MeasuredPart[]): boolean {
  const truths = new Map<number, number>();
  for (const { image, truth } of parts.flatMap(({ outcomes }) => outcomes)) {
    if ((truths.get(image) ?? truth) !== truth) return false;
    truths.set(image, truth);
  }
  return true;
}

function unionOf(
  name: string,
  norm: Norm,
  attacks: readonly MeasuredPart[],
  clean: readonly MeasuredPart[],
  { [norm]: radii }: Radii,
): Worst {
  const images = imagesOfUnion(attacks);
  const smallest = smallestPerturbations([...attacks, ...clean]);
  const rejected = rejectedClean(attacks, clean);
  return {
    ...{ name, norm, images: images.size },
    attacks: attacksOf(attacks).map(({ parts, ...attack }) => {
      const [own, tried] = [smallestPerturbations(parts), imagesOf(parts)];
      const nearest = [...images].filter((image) => own.has(image) && isWithinRadius(own.get(image), smallest.get(image) as number));
      return { ...attack, tried: images.intersection(tried).size, nearest: nearest.length };
    }),
    at: radii.map((radius) => {
      const unbroken = new Set([...images].filter((image) => !isWithinRadius(smallest.get(image), radius)));
      const rejectedClean = unbroken.intersection(rejected).size;
      const broken = rate(images.size - unbroken.size, images.size);
      return { radius, broken, withstood: unbroken.size - rejectedClean, rejectedClean };
    }),
    curve: brokenCurve(smallest, images, radii),
  };
}

/** Groups the parts that are one attack with one budget at several radii. */
function attacksOf(parts: readonly MeasuredPart[]) {
  const groups = Map.groupBy(parts, ({ protocol, attack, name, descriptor }) =>
    [protocol, attack ?? name, descriptor.attack?.cost].join('\n'),
  );
  return Array.from(groups.values(), (own) => {
    const { protocol, attack, name, eps, about: first } = own[0] as MeasuredPart;
    return {
      protocol,
      attack: attack ?? name,
      about: own.every((part) => part.about === first) ? first : `at ${eps}: ${first}`,
      radii: own.flatMap((part) => part.eps ?? []).sort((a, b) => a - b),
      parts: own,
    };
  });
}

/**
 * Returns the images that every attack searching for the nearest broken image was tried on (without such an attack: every attack). An image
 * that only a weak attack was tried on would count as withstood. Attacks that ran on a few of the images only, such as black-box ones and
 * those of a sweep over budgets, add what they found there.
 */
export function imagesOfUnion(attacks: readonly MeasuredPart[]): Set<number> {
  const searching = attacks.filter((part) => isMinimumNorm(part) && !isBlackBox(part) && part.descriptor.twiceTheStepsOf === null);
  const once = searching.filter(({ descriptor }) => descriptor.budget === null);
  const all = [once, searching, attacks.filter(({ descriptor }) => !descriptor.endpoint)].find(({ length }) => length > 0) ?? [];
  const sets = all.map((part) => imagesOf([part]));
  return sets.reduce((shared, own) => shared.intersection(own), sets[0] ?? new Set());
}

/** Returns the images that are rejected unchanged, by the clean part or by attacks that return the image where they find nothing. */
function rejectedClean(attacks: readonly MeasuredPart[], clean: readonly MeasuredPart[]): Set<number> {
  const unchanged = [
    ...clean.flatMap(({ outcomes }) => outcomes),
    ...attacks.filter(isMinimumNorm).flatMap(({ outcomes }) => outcomes.filter(({ radius }) => radius === null)),
  ];
  return new Set(unchanged.filter(({ accepted }) => !accepted).map(({ image }) => image));
}

import jstat from 'jstat';
import type { Norm } from '../../attacks/steps/projection.ts';
import { undetected } from '../measure/outcome.ts';
import type { MeasuredPart } from './measured-parts.ts';
import { verdictRates } from './part-figures.ts';
import type { Curve } from './report-schema.ts';

/** Share of the images that a stronger attack may lose, net, before it counts as weaker. */
const TOLERATED_LOSS = 0.02;
/** Significance level of the sign test, which catches small losses that all go one way. */
const SIGNIFICANCE = 0.01;

/** One attack at several radii. */
export interface Family {
  protocol: string;
  attack: string;
  norm: Norm;
  /** Ascending by radius, each radius once. */
  members: { eps: number; part: MeasuredPart }[];
}

/** Groups the parts by attack; returns the attacks that were run at more than one radius. */
export function families(parts: readonly MeasuredPart[]): Family[] {
  const fixed = parts.filter(({ attack, norm, eps, descriptor }) => {
    const isChecking = descriptor.twiceTheStepsOf !== null || descriptor.unbounded;
    return attack !== null && norm !== null && eps !== null && !isChecking;
  });
  const groups = Map.groupBy(fixed, ({ protocol, attack, norm }) => [protocol, attack, norm].join('\n'));
  return Array.from(groups.values(), (group) => {
    const { protocol, attack, norm } = group[0] as MeasuredPart;
    const byRadius = new Map(group.map((part) => [part.eps as number, part]));
    const members = Array.from(byRadius, ([eps, part]) => ({ eps, part })).sort((a, b) => a.eps - b.eps);
    return { protocol, attack: attack as string, norm: norm as Norm, members };
  }).filter(({ members }) => members.length > 1);
}

/** Returns the radii at which an attack finds less than at a smaller one, each with the smaller radius `than` that beats it by most. */
export function fallsOf({ members }: Family) {
  return members.flatMap(({ eps, part }, i) => {
    const beatenBy = members
      .slice(0, i)
      .map((smaller) => ({ eps, than: smaller.eps, ...comparePartsByImage(smaller.part, part) }))
      .filter(({ less }) => less)
      .sort((a, b) => b.lost - b.gained - (a.lost - a.gained))[0];
    return beatenBy ?? [];
  });
}

/** Compares two parts, where an image is broken if any of its outcomes is accepted with a wrong class. */
export const comparePartsByImage = (weaker: MeasuredPart, stronger: MeasuredPart) =>
  compareAttacks(brokenImages(weaker), brokenImages(stronger));

function brokenImages({ outcomes }: MeasuredPart): Map<number, boolean> {
  const broken = new Set(outcomes.filter(undetected).map(({ image }) => image));
  return new Map(outcomes.map(({ image }) => [image, broken.has(image)]));
}

/**
 * Compares an attack with one that should find at least as much, such as the same attack with a larger radius or more steps. The stronger
 * one could break every image that the weaker one breaks, so a loss is a failure of the attack, apart from chance in its search.
 *
 * @param weaker says of each image whether the attack breaks it
 * @returns the images that both were tried on, and those that only the weaker (`lost`) or only the stronger one (`gained`) breaks. `less`:
 *   the stronger attack loses, net, more than 2 images in 100 (and more than one), or the sign test of lost and gained says so (p < 0.01)
 */
export function compareAttacks(weaker: ReadonlyMap<number, boolean>, stronger: ReadonlyMap<number, boolean>) {
  const shared = [...weaker.keys()].filter((image) => stronger.has(image));
  const lost = shared.filter((image) => weaker.get(image) && !stronger.get(image)).length;
  const gained = shared.filter((image) => stronger.get(image) && !weaker.get(image)).length;
  const images = shared.length;
  const net = lost - gained;
  const chance = lost === 0 ? 1 : 1 - jstat.jStat.binomial.cdf(lost - 1, lost + gained, 0.5);
  return { images, lost, gained, less: net > Math.max(1, TOLERATED_LOSS * images) || (net > 0 && chance < SIGNIFICANCE) };
}

/** Returns what each attack gets accepted and rejected at each of its radii. */
export function curvesOf(parts: readonly MeasuredPart[]): Curve[] {
  return families(parts).map((family) => {
    const failed = new Set(fallsOf(family).map(({ eps }) => eps));
    const { protocol, attack, norm, members } = family;
    return {
      ...{ protocol, attack, norm, about: members[0]?.part.about ?? '' },
      orUnchanged: members.every(({ part }) => part.outcomes.every((outcome) => outcome.radius === null || undetected(outcome))),
      points: members.map(({ eps, part }) => ({ eps, ...verdictRates(part.outcomes), failed: failed.has(eps) })),
    };
  });
}

import type { Norm } from '../../attacks/steps/projection.ts';
import { undetected } from '../measure/outcome.ts';
import { isTwice, isUnbounded, type MeasuredPart } from './measured-parts.ts';
import { partFigures } from './part-figures.ts';
import type { Curve } from './report-schema.ts';
import { type Comparison, compareAttacks } from './statistics.ts';

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
  const fixed = parts.filter(
    (part) => part.attack !== null && part.norm !== null && part.eps !== null && !isTwice(part) && !isUnbounded(part),
  );
  const groups = Map.groupBy(fixed, ({ protocol, attack, norm }) => [protocol, attack, norm].join('\n'));
  return Array.from(groups.values(), (group) => {
    const { protocol, attack, norm } = group[0] as MeasuredPart;
    const byRadius = new Map(group.map((part) => [part.eps as number, part]));
    const members = Array.from(byRadius, ([eps, part]) => ({ eps, part })).sort((a, b) => a.eps - b.eps);
    return { protocol, attack: attack as string, norm: norm as Norm, members };
  }).filter(({ members }) => members.length > 1);
}

/** A radius at which an attack finds less than at the smaller radius `than`. */
export interface Fall extends Comparison {
  eps: number;
  than: number;
}

/** Returns the radii at which an attack finds less than at a smaller one, each with the smaller radius that beats it by most. */
export function fallsOf({ members }: Family): Fall[] {
  return members.flatMap(({ eps, part }, i) => {
    const beatenBy = members
      .slice(0, i)
      .map((smaller) => ({ eps, than: smaller.eps, ...comparePartsByImage(smaller.part, part) }))
      .filter(({ less }) => less)
      .sort((a, b) => b.lost - b.gained - (a.lost - a.gained))[0];
    return beatenBy ? [beatenBy] : [];
  });
}

/** Compares two parts, where an image is broken if any of its outcomes is accepted with a wrong class. */
export function comparePartsByImage(weaker: MeasuredPart, stronger: MeasuredPart): Comparison {
  const [first, second] = [weaker, stronger].map(({ outcomes }) => {
    const broken = new Map<number, boolean>();
    for (const outcome of outcomes) broken.set(outcome.image, (broken.get(outcome.image) ?? false) || undetected(outcome));
    return broken;
  }) as [Map<number, boolean>, Map<number, boolean>];
  return compareAttacks(first, second);
}

/** Returns what each attack gets accepted and rejected at each of its radii. */
export function curvesOf(parts: readonly MeasuredPart[]): Curve[] {
  return families(parts).map((family) => {
    const failed = new Set(fallsOf(family).map(({ eps }) => eps));
    const { protocol, attack, norm, members } = family;
    return {
      ...{ protocol, attack, norm, about: members[0]?.part.about ?? '' },
      orUnchanged: members.every(({ part }) => part.outcomes.every((outcome) => outcome.radius === null || undetected(outcome))),
      points: members.map(({ eps, part }) => {
        const { acceptedRight, acceptedWrong, rejected } = partFigures(part, null);
        return { eps, acceptedRight, acceptedWrong, rejected, failed: failed.has(eps) };
      }),
    };
  });
}

import type { Norm } from '../../attacks/ball.ts';
import { undetected } from '../outcome.ts';
import { findsLess } from './finds-less.ts';
import { isUnbounded, type MeasuredPart, TWICE } from './measured-parts.ts';
import { partFigures } from './part-figures.ts';
import type { Curve } from './report-schema.ts';

/** The parts of one attack at several radii, by radius. */
export interface Family {
  protocol: string;
  attack: string;
  norm: Norm;
  /** ascending, no radius twice */
  members: { eps: number; part: MeasuredPart }[];
}

/** Attacks that were run at more than one radius. */
export function families(parts: readonly MeasuredPart[]): Family[] {
  const fixed = parts.filter(
    (part) => part.attack !== null && part.norm !== null && part.eps !== null && !part.name.includes(TWICE) && !isUnbounded(part),
  );
  const groups = Map.groupBy(fixed, ({ protocol, attack, norm }) => [protocol, attack, norm].join('\n'));
  return Array.from(groups.values(), (group) => {
    const { protocol, attack, norm } = group[0] as MeasuredPart;
    const byRadius = new Map(group.map((part) => [part.eps as number, part]));
    const members = Array.from(byRadius, ([eps, part]) => ({ eps, part })).sort((a, b) => a.eps - b.eps);
    return { protocol, attack: attack as string, norm: norm as Norm, members };
  }).filter(({ members }) => members.length > 1);
}

/** At each radius that a smaller one beat: which, and by how much. */
export function fallsOf({ members }: Family): { eps: number; than: number; lost: number; gained: number; images: number }[] {
  return members.flatMap(({ eps, part }, i) => {
    const beaten = members
      .slice(0, i)
      .map((smaller) => ({ eps, than: smaller.eps, ...findsLess(smaller.part, part) }))
      .filter(({ less }) => less)
      .sort((a, b) => b.lost - b.gained - (a.lost - a.gained))[0];
    return beaten ? [beaten] : [];
  });
}

/** What each attack lets through and what is rejected, against its radius. */
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

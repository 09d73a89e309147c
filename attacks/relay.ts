import type { Budget } from './ball.ts';
import { type Descended, type DescentOptions, descend } from './descend.ts';
import { imagesOf, type Rows } from './rows.ts';
import { sizeOf, type Victim } from './victim.ts';

/** A descent of the most promising rows of each group. */
export interface Leg extends DescentOptions {
  /** of a group: those that the legs before brought nearest to their targets, or the first ones */
  rows: number;
}

/**
 * Targeted DLR by APGD, quickly and towards nine wrong classes at most, the nearest ones, then the hinges by Adam, longer and towards the four that came nearest: at small radii the
 * first finds more, at large ones the second. Nine targets x 50 steps and four x 112 are 898 gradients.
 */
export const RELAY: Leg[] = [
  { walk: 'apgd', objective: 'dlr', steps: 50, rows: 9 },
  { walk: 'adam', objective: 'hinges', steps: 112, rows: 4 },
];

/**
 * Descents one after the other, each from the rows' starts: of a group that is not broken yet fewer rows go on, for longer, down another loss. So gradients are
 * spent where they may still find something: successive halving (Jamieson and Talwalkar, AISTATS 2016) over targets.
 *
 * @param rows those of a group stand for one image
 * @returns of each row whether it was found, and the image of the last leg it was in: its origin where it was in none
 */
export function relay(victim: Victim, rows: Rows, budget: Budget, legs: readonly Leg[] = RELAY): Pick<Descended, 'images' | 'found'> {
  const size = sizeOf(victim.input);
  const images = rows.origins.slice();
  const found = rows.targets.map(() => false);
  let promise = rows.targets.map(() => 0);
  for (const { rows: most, ...options } of legs) {
    const at = promising(rows, promise, found, most);
    if (at.length === 0) break;
    const leg = descend(victim, rowsAt(rows, at, size), budget, options);
    const losses = rows.targets.map(() => Number.POSITIVE_INFINITY);
    for (const [i, row] of at.entries()) {
      found[row] = leg.found[i] as boolean;
      losses[row] = leg.losses.end[i] as number;
      images.set(imagesOf(leg.images, [i], size), row * size);
    }
    promise = losses;
  }
  return { images, found };
}

/** Of each group of which no row is found, so many of least loss, in the rows' order. */
function promising({ targets, groups }: Rows, losses: number[], found: boolean[], most: number): number[] {
  const byGroup = Map.groupBy(targets.keys(), (row) => groups?.[row] ?? row);
  const left = [...byGroup.values()].filter((of) => !of.some((row) => found[row]));
  return left.flatMap((of) => of.sort((a, b) => (losses[a] as number) - (losses[b] as number)).slice(0, most)).sort((a, b) => a - b);
}

function rowsAt({ origins, starts, targets, truths, groups }: Rows, at: number[], size: number): Rows {
  const of = (values: number[]) => at.map((row) => values[row] as number);
  return {
    ...{ origins: imagesOf(origins, at, size), starts: imagesOf(starts, at, size), targets: of(targets) },
    ...(truths && { truths: of(truths) }),
    ...(groups && { groups: of(groups) }),
  };
}

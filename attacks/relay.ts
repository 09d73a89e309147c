import type { Attack, GradientModel } from './attack.ts';
import { type Descended, type DescentOptions, descend } from './descent.ts';
import { attackRows, MOST_TARGETS, type Rows } from './rows.ts';
import type { Ball, Norm } from './steps/projection.ts';
import { selectImages, sizeOf } from './tensors.ts';

/** A descent from the most promising rows of each group. */
export interface Stage extends DescentOptions {
  /** Rows of a group that take part: those that the stages before brought nearest to their targets, at first the nearest classes. */
  rows: number;
}

/**
 * Targeted DLR by APGD, briefly and towards the nine nearest wrong classes, then the hinges by Adam, longer and towards the four that came
 * nearest: at small radii the first finds more, at large ones the second. Nine targets x 50 steps and four x 112 make 898 gradients.
 */
const STAGES: Stage[] = [
  { step: 'apgd', objective: 'dlr', steps: 50, rows: 9 },
  { step: 'adam', objective: 'hinges', steps: 112, rows: 4 },
];

/**
 * Two descents from outside, one after the other, on fewer and fewer targets.
 *
 * @param budget times the usual gradients, a square number: half of it goes into steps and half into starts
 */
export const relay = ({ norm, budget = 1 }: { norm: Norm; budget?: number }): Attack => {
  const times = Math.sqrt(budget);
  const stages = STAGES.map(({ rows, steps, ...stage }) => ({ ...stage, rows: times * rows, steps: times * steps }));
  const cost = stages.reduce((sum, { rows, steps }) => sum + rows * steps, 0);
  return {
    name: 'relay of APGD, targeted DLR, and PGD (Adam), hinges, from outside',
    ...{ knowledge: 'white-box', norm, kind: 'fixed radius', cost, counts: 'best', source: import.meta.url },
    about: `${stages.map(({ rows, steps }) => `${rows} ${times === 1 ? 'targets' : 'starts'} x ${steps} steps`).join(', then ')}: at most ${cost} gradients an image`,
    async run(model, images, labels, radius, seeds) {
      const { rows, of } = await attackRows(model, images, labels, seeds, { from: 'outside', targets: MOST_TARGETS, neighbours: times });
      return { images: runStages(model, { ...rows, groups: of }, { norm, radius }, stages).images, of, targets: rows.targets };
    },
  };
};

/**
 * Runs descents one after the other, each from the rows' starts. Of a group that is not broken yet fewer rows go on, for longer and down
 * another loss, so that gradients are spent where they may still find something: successive halving (Jamieson and Talwalkar, AISTATS 2016)
 * over targets.
 *
 * @param rows those of a group stand for one image
 * @returns for each row whether it was found, and the image of its last stage, or its origin where it was in none
 */
export function runStages(
  model: GradientModel,
  rows: Rows,
  ball: Ball,
  stages: readonly Stage[] = STAGES,
): Pick<Descended, 'images' | 'found'> {
  const size = sizeOf(model.input);
  const images = rows.origins.slice();
  const found = rows.targets.map(() => false);
  let losses = rows.targets.map(() => 0);
  for (const { rows: most, ...options } of stages) {
    const at = promising(rows, losses, found, most);
    if (at.length === 0) break;
    const stage = descend(model, rowsAt(rows, at, size), ball, options);
    losses = rows.targets.map(() => Number.POSITIVE_INFINITY);
    for (const [i, row] of at.entries()) {
      found[row] = stage.found[i] as boolean;
      losses[row] = stage.losses.end[i] as number;
      images.set(selectImages(stage.images, [i], size), row * size);
    }
  }
  return { images, found };
}

/** The rows of least loss, in the rows' order, so many of each group in which no row is found. */
function promising({ targets, groups }: Rows, losses: number[], found: boolean[], most: number): number[] {
  const byGroup = Map.groupBy(targets.keys(), (row) => groups?.[row] ?? row);
  const left = [...byGroup.values()].filter((of) => !of.some((row) => found[row]));
  return left.flatMap((of) => of.sort((a, b) => (losses[a] as number) - (losses[b] as number)).slice(0, most)).sort((a, b) => a - b);
}

/** Returns some of the rows. */
export function rowsAt({ origins, starts, targets, truths, groups }: Rows, at: number[], size: number): Rows {
  const of = (values: number[]) => at.map((row) => values[row] as number);
  return {
    ...{ origins: selectImages(origins, at, size), starts: selectImages(starts, at, size), targets: of(targets) },
    ...(truths && { truths: of(truths) }),
    ...(groups && { groups: of(groups) }),
  };
}

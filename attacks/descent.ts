import * as tf from '@tensorflow/tfjs';
import type { Attack, GradientModel } from './attack.ts';
import { type Objective, type ObjectiveName, objectiveOf } from './losses/objective.ts';
import { attackRows, type From, type Rows } from './rows.ts';
import { type Ball, type Norm, projectToBall } from './steps/projection.ts';
import { adamStep, apgdStep, type StepFactory } from './steps/step.ts';
import { gatherRows, mask, selectImages, sizeOf, tensorOf } from './tensors.ts';

const STEPS = { adam: adamStep(), apgd: apgdStep };
export type StepName = keyof typeof STEPS;

export interface DescentOptions {
  steps: number;
  objective: ObjectiveName;
  step: StepName;
}

interface Options extends DescentOptions {
  norm: Norm;
  from: From;
  /** wrong classes that are tried for each image, nearest first */
  targets: number;
  /** starts towards each class (default 1); from the image there is one */
  starts?: number;
  /** the name in reports, where it is not to be made from the options */
  name?: string;
  /** goes on after a success on this model, for attacks that are meant for another one */
  everyRow?: true;
}

/** Projected gradient descent on the joint decision at a fixed radius, by Adam's steps or by APGD's, towards several wrong classes. */
export const descent = ({ norm, from, targets, starts = 1, name, everyRow, ...options }: Options): Attack => ({
  name: name ?? `${options.step === 'apgd' ? 'APGD' : 'PGD (Adam)'} from ${from === 'image' ? 'the image' : from}, ${options.objective}`,
  ...{ knowledge: 'white-box', norm, kind: 'fixed radius', counts: 'best', source: import.meta.url },
  cost: targets * starts * options.steps,
  about:
    `${targets} targets x ${starts === 1 ? '' : `${starts} starts x `}${options.steps} steps: ` +
    `at most ${targets * starts * options.steps} gradients an image`,
  async run(model, images, labels, radius, seeds) {
    const { rows, of } = await attackRows(model, images, labels, seeds, { from, targets, neighbours: starts, radius });
    const { images: found } = descend(model, everyRow ? rows : { ...rows, groups: of }, { norm, radius }, options);
    return { images: found, of, targets: rows.targets };
  },
});

/** The end of a descent, row by row. */
export interface Descended {
  /** the image that was accepted as the target, else that of least loss */
  images: Float32Array;
  /** accepted as the target by this model; the verdict is the exported graph's */
  found: boolean[];
  /** the least loss of each row at the start, after half of the steps and at the end, which shows whether it has converged */
  losses: { start: number[]; half: number[]; end: number[] };
}

/** Descends a loss on the joint decision within a ball. A row that is accepted as its target stops, and its group with it. */
export const descend = (model: GradientModel, rows: Rows, ball: Ball, { steps, objective, step }: DescentOptions): Descended =>
  rows.targets.length === 0
    ? { images: rows.starts, found: [], losses: { start: [], half: [], end: [] } }
    : descendObjective(model, rows, ball, { steps, objective: objectiveOf(model, rows, objective), step: STEPS[step] });

/**
 * Descends an objective within a ball.
 *
 * @returns images within the balls about their origins, and in [0, 1]
 */
export function descendObjective(
  model: GradientModel,
  rows: Rows,
  ball: Ball,
  { steps, objective, step: stepFactory }: { steps: number; objective: Objective; step: StepFactory },
): Descended {
  const images = rows.starts.slice();
  const found = rows.targets.map(() => false);
  const least = rows.targets.map(() => Number.POSITIVE_INFINITY);
  const recorded: number[][] = [];
  let active = rows.targets.map((_, row) => row);
  const { norm, radius } = ball;
  const size = sizeOf(model.input);
  const groupOf = (row: number) => rows.groups?.[row] ?? row;
  const origin = tensorOf(model, rows.origins);
  const first = tf.tidy(() => projectToBall(tensorOf(model, rows.starts), origin, norm, radius));
  let state = { origin, image: first, best: first.clone() };
  const stepper = stepFactory(first, ball, steps);
  for (let step = 0; step <= steps && active.length > 0; step++) {
    const ahead = step < steps ? objective.lossAndGradients(state.image, active) : null;
    const seen = ahead ?? objective.loss(state.image, active);
    const better = active.map((row, i) => seen.accepted[i] === true || (seen.losses[i] as number) < (least[row] as number));
    for (const [i, row] of active.entries()) if (better[i]) least[row] = seen.losses[i] as number;
    if (step === 0 || step === Math.ceil(steps / 2)) recorded.push(least.slice());
    const best = tf.tidy(() => tf.where(mask(better), state.image, state.best) as tf.Tensor4D);
    const image = ahead
      ? tf.tidy(() => projectToBall(stepper.next({ ...state, best }, ahead, step), state.origin, norm, radius))
      : state.image.clone();
    tf.dispose([state.image, state.best, ahead?.gradients ?? []]);
    state = { ...state, image, best };
    const broken = new Set(active.flatMap((row, i) => (seen.accepted[i] ? [groupOf(row)] : [])));
    const done = active.map((row) => step === steps || broken.has(groupOf(row)));
    if (!done.includes(true)) continue;
    const values = best.dataSync() as Float32Array;
    for (const [i, row] of active.entries()) {
      if (!done[i]) continue;
      found[row] = seen.accepted[i] as boolean;
      images.set(selectImages(values, [i], size), row * size);
    }
    const going = active.flatMap((_, i) => (done[i] ? [] : [i]));
    active = going.map((i) => active[i] as number);
    if (going.length === 0) continue;
    state = gatherRows(state, going);
    stepper.keep(going);
  }
  tf.dispose(Object.values(state));
  stepper.dispose();
  const [start = least, half = least] = recorded;
  return { images, found, losses: { start, half, end: least } };
}

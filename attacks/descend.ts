import * as tf from '@tensorflow/tfjs';
import { adamWalk } from './adam-walk.ts';
import { apgdWalk } from './apgd-walk.ts';
import { type Budget, projected } from './ball.ts';
import { looking, type Objective } from './look.ts';
import { column, gathered } from './row-tensors.ts';
import { imagesOf, type Rows } from './rows.ts';
import { sizeOf, tensorOf, type Victim } from './victim.ts';

export type WalkName = 'adam' | 'apgd';

export interface DescentOptions {
  steps: number;
  objective: Objective;
  walk: WalkName;
}

/** What became of each row: the image that was accepted as the target, else that of least loss. */
export interface Descended {
  images: Float32Array;
  /** accepted as the target, by tfjs; the verdict is the exported graph's */
  found: boolean[];
  /** the least loss of each row at its start, after half of the steps and at the end: whether it has converged */
  losses: { start: number[]; half: number[]; end: number[] };
}

/**
 * Projected descent on the joint decision within a ball. A row that is accepted as its target stops, and those of its group with it.
 *
 * @returns images within the budget of their origins, and in [0, 1]
 */
export function descend(victim: Victim, rows: Rows, budget: Budget, { steps, objective, walk: name }: DescentOptions): Descended {
  const { norm, eps } = budget;
  const size = sizeOf(victim.input);
  const { look, glance } = looking(victim, rows, objective);
  const images = rows.starts.slice();
  const found = rows.targets.map(() => false);
  const least = rows.targets.map(() => Number.POSITIVE_INFINITY);
  const seenLosses: number[][] = [];
  let active = rows.targets.map((_, row) => row);
  const origin = tensorOf(victim, rows.origins);
  const first = tf.tidy(() => projected(tensorOf(victim, rows.starts), origin, norm, eps));
  let state = { origin, image: first, best: first.clone() };
  const walk = name === 'apgd' ? apgdWalk(first, budget, steps) : adamWalk(first, budget, steps);
  for (let step = 0; step <= steps && active.length > 0; step++) {
    const ahead = step < steps ? look(state.image, active) : null;
    const seen = ahead ?? glance(state.image, active);
    const better = active.map((row, i) => seen.accepted[i] === true || (seen.losses[i] as number) < (least[row] as number));
    for (const [i, row] of active.entries()) if (better[i]) least[row] = seen.losses[i] as number;
    if (step === 0 || step === Math.ceil(steps / 2)) seenLosses.push(least.slice());
    const best = tf.tidy(() => tf.where(column(better.map(Number)).cast('bool'), state.image, state.best) as tf.Tensor4D);
    const image = ahead
      ? tf.tidy(() => projected(walk.step({ ...state, best }, ahead, step), state.origin, norm, eps))
      : state.image.clone();
    tf.dispose([state.image, state.best, ahead?.gradients ?? []]);
    state = { ...state, image, best };
    const groupOf = (row: number) => rows.groups?.[row] ?? row;
    const broken = new Set(active.flatMap((row, i) => (seen.accepted[i] ? [groupOf(row)] : [])));
    const done = active.map((row) => step === steps || broken.has(groupOf(row)));
    if (!done.includes(true)) continue;
    const values = best.dataSync() as Float32Array;
    for (const [i, row] of active.entries()) {
      if (!done[i]) continue;
      found[row] = seen.accepted[i] as boolean;
      images.set(imagesOf(values, [i], size), row * size);
    }
    const going = active.flatMap((_, i) => (done[i] ? [] : [i]));
    active = going.map((i) => active[i] as number);
    if (going.length === 0) continue;
    state = gathered(state, going);
    walk.keep(going);
  }
  tf.dispose(Object.values(state));
  walk.dispose();
  const [start = least, half = least] = seenLosses;
  return { images, found, losses: { start, half, end: least } };
}

import * as tf from '@tensorflow/tfjs';
import { type Budget, projected, steepest } from './ball.ts';
import { column, gathered } from './row-tensors.ts';
import type { Walk } from './walk.ts';

/** Share of the step that is made; the rest is the last step's. */
const MOMENTUM = 0.75;
/** A step size that lowers the loss in fewer of its steps than this is halved. */
const OFTEN = 0.75;
/**
 * Of the radius, the first step. The paper's 2 leads to where the encoder's gradient is zero, and does not come back (`joint-loss.ts`).
 */
const FIRST = 0.5;

/** Of a row: what decides its next step. */
interface Progress {
  length: number;
  previous: number;
  best: number;
  /** how often the loss fell since the last checkpoint, and what stood there */
  falls: number;
  checked: { length: number; best: number };
}

/**
 * Auto-PGD (Croce and Hein, ICML 2020): steps along the steepest descent with momentum, halved and begun again from the best image where a
 * stretch of them did not help.
 */
export function apgdWalk(start: tf.Tensor4D, { norm, eps }: Budget, steps: number): Walk {
  const none = Number.POSITIVE_INFINITY;
  const length = FIRST * eps;
  let rows: Progress[] = Array.from({ length: start.shape[0] }, () => ({
    ...{ length, previous: none, best: none, falls: 0 },
    checked: { length, best: none },
  }));
  let last = start.clone();
  const checkpoints = checkpointsOf(steps);
  let lastCheck = -1;
  return {
    step({ image, best, origin }, { losses, gradients }, step) {
      for (const [i, progress] of rows.entries()) note(progress, losses[i] as number);
      const back = checkpoints.has(step) ? rows.map((progress) => check(progress, step - lastCheck)) : null;
      if (back) lastCheck = step;
      const lengths = column(rows.map((progress) => progress.length));
      const ahead = projected(image.sub(steepest(gradients, norm).mul(lengths)) as tf.Tensor4D, origin, norm, eps);
      const share = step === 0 ? 1 : MOMENTUM;
      const onwards = image.add(ahead.sub(image).mul(share)).add(image.sub(last).mul(1 - share)) as tf.Tensor4D;
      last.dispose();
      last = tf.keep(image.clone());
      return back ? (tf.where(column(back.map(Number)).cast('bool'), best, onwards) as tf.Tensor4D) : onwards;
    },
    keep(at) {
      rows = at.map((i) => rows[i] as Progress);
      last = gathered({ last }, at).last;
    },
    dispose: () => last.dispose(),
  };
}

function note(progress: Progress, loss: number): void {
  if (loss < progress.previous) progress.falls++;
  progress.previous = loss;
  progress.best = Math.min(progress.best, loss);
}

/** Whether a row goes back to its best image, with half the step. */
function check(progress: Progress, since: number): boolean {
  const { length, best, falls, checked } = progress;
  const back = falls < OFTEN * since || (length === checked.length && best === checked.best);
  Object.assign(progress, { checked: { length, best }, falls: 0, length: back ? length / 2 : length });
  return back;
}

/** Steps at which the step sizes are looked at: at .22 of all, then after stretches each .03 shorter, .06 at least. */
function checkpointsOf(steps: number): Set<number> {
  const shares = [0, 0.22];
  while ((shares.at(-1) as number) < 1) {
    const [before, at] = shares.slice(-2) as [number, number];
    shares.push(at + Math.max(at - before - 0.03, 0.06));
  }
  return new Set(shares.slice(1).map((share) => Math.ceil(share * steps)));
}

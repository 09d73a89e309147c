import * as tf from '@tensorflow/tfjs';
import type { LossAndGradients } from '../losses/objective.ts';
import { column, gatherRows, mask } from '../tensors.ts';
import { adamDirection, downhill, noMoments } from './adam.ts';
import { type Ball, projectToBall, steepest, stepUnit } from './projection.ts';

/** Moves the images of a descent; keeps what it needs from step to step for each of them. */
export interface Step {
  /**
   * @param at the images now, those of least loss so far, and the centres of their balls
   * @returns the next images, before they are projected onto their balls
   */
  next(at: { image: tf.Tensor4D; best: tf.Tensor4D; origin: tf.Tensor4D }, seen: LossAndGradients, step: number): tf.Tensor4D;
  /** Drops all rows but these. */
  keep(rows: number[]): void;
  dispose(): void;
}

/** @param start the first images, [N, H, W, C] */
export type StepFactory = (start: tf.Tensor4D, ball: Ball, steps: number) => Step;

/** Half a cosine from `first` to `last`. */
export const cosineDecay = ({ first, last }: { first: number; last: number }, share: number) =>
  last + ((first - last) * (1 + Math.cos(Math.PI * share))) / 2;

/**
 * Steps in Adam's direction that get shorter.
 *
 * @param shares the lengths of the first and the last step, as shares of the ball's unit of steps
 */
export const adamStep =
  (shares = { first: 0.2, last: 0.005 }): StepFactory =>
  (start, { norm, radius }, steps) => {
    let moments = noMoments(start);
    return {
      next({ image }, { gradients }, step) {
        const { direction, moments: next } = adamDirection(gradients, image, moments, norm);
        tf.dispose([moments.mean, moments.square]);
        moments = { ...next, mean: tf.keep(next.mean), square: tf.keep(next.square) };
        return image.sub(direction.mul(stepUnit(norm, radius) * cosineDecay(shares, step / steps))) as tf.Tensor4D;
      },
      keep(rows) {
        moments = { steps: moments.steps, ...gatherRows({ mean: moments.mean, square: moments.square }, rows) };
      },
      dispose: () => tf.dispose([moments.mean, moments.square]),
    };
  };

/** Share of the new step that is made; the rest is the last step's. */
const MOMENTUM = 0.75;
/** A step size that lowers the loss in fewer of its steps than this share is halved. */
const LEAST_FALLS = 0.75;
/**
 * First step size, of the ball's unit of steps. The paper's 2 leads to where the encoder's gradient is zero, and does not come back (`losses/joint.ts`).
 */
const APGD_FIRST = 0.5;

/** Decides a row's next step in APGD. */
interface Progress {
  length: number;
  previous: number;
  best: number;
  /** how often the loss fell since the last checkpoint, and what stood there */
  falls: number;
  checked: { length: number; best: number };
}

/**
 * Auto-PGD (Croce and Hein, ICML 2020): steps along the steepest descent with momentum. Where a stretch of them did not help, the step size
 * is halved and the row restarts from its best image.
 */
export const apgdStep: StepFactory = (start, { norm, radius }, steps) => {
  const none = Number.POSITIVE_INFINITY;
  const length = APGD_FIRST * stepUnit(norm, radius);
  let rows: Progress[] = Array.from({ length: start.shape[0] }, () => ({
    ...{ length, previous: none, best: none, falls: 0 },
    checked: { length, best: none },
  }));
  let last = start.clone();
  const checkpoints = checkpointsOf(steps);
  let lastCheck = -1;
  return {
    next({ image, best, origin }, { losses, gradients }, step) {
      for (const [i, progress] of rows.entries()) record(progress, losses[i] as number);
      const restarts = checkpoints.has(step) ? rows.map((progress) => restartsAt(progress, step - lastCheck)) : null;
      if (restarts) lastCheck = step;
      const stepSizes = column(rows.map((progress) => progress.length));
      const direction = steepest(norm === 'linf' ? gradients : downhill(gradients, image), norm);
      const ahead = projectToBall(image.sub(direction.mul(stepSizes)) as tf.Tensor4D, origin, norm, radius);
      const share = step === 0 ? 1 : MOMENTUM;
      const moved = image.add(ahead.sub(image).mul(share)).add(image.sub(last).mul(1 - share)) as tf.Tensor4D;
      last.dispose();
      last = tf.keep(image.clone());
      return restarts ? (tf.where(mask(restarts), best, moved) as tf.Tensor4D) : moved;
    },
    keep(at) {
      rows = at.map((i) => rows[i] as Progress);
      last = gatherRows({ last }, at).last;
    },
    dispose: () => last.dispose(),
  };
};

function record(progress: Progress, loss: number): void {
  if (loss < progress.previous) progress.falls++;
  progress.previous = loss;
  progress.best = Math.min(progress.best, loss);
}

/** Checks a row after `since` steps: true where it restarts from its best image with half the step size. */
function restartsAt(progress: Progress, since: number): boolean {
  const { length, best, falls, checked } = progress;
  const restarts = falls < LEAST_FALLS * since || (length === checked.length && best === checked.best);
  Object.assign(progress, { checked: { length, best }, falls: 0, length: restarts ? length / 2 : length });
  return restarts;
}

/** The steps at which step sizes are checked: at .22 of all, then after stretches that are each .03 shorter, but at least .06. */
function checkpointsOf(steps: number): Set<number> {
  const shares = [0, 0.22];
  while ((shares.at(-1) as number) < 1) {
    const [before, at] = shares.slice(-2) as [number, number];
    shares.push(at + Math.max(at - before - 0.03, 0.06));
  }
  return new Set(shares.slice(1).map((share) => Math.ceil(share * steps)));
}

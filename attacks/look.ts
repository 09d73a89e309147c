import * as tf from '@tensorflow/tfjs';
import { targetedDlr } from './dlr-loss.ts';
import { type Combination, classRatios, combined, logRatios, ofClass, SLACK } from './joint-loss.ts';
import { orthogonalTo } from './orthogonal.ts';
import type { Rows } from './rows.ts';
import { tensorOf, type Victim } from './victim.ts';

/**
 * What an attack descends: the tests of the decision combined; `dlr`, those of the target beside those of its rivals (`dlr-loss.ts`); `features`, the distance to the latent of a real image of the target, where the row began
 * (feature matching; Sabour et al., ICLR 2016); `orthogonal`, the test that is not passed yet, along what leaves the other one alone
 * (Bryniarski et al., ICLR 2022).
 */
export type Objective = Combination | 'dlr' | 'features' | 'orthogonal';

/** What is seen of the images of some rows. */
export interface Glance {
  /** of each image, what the attacker makes small: [N] */
  losses: Float32Array;
  /** whether each is accepted as its target, with a little to spare: [N] */
  accepted: boolean[];
}

export interface Look extends Glance {
  /** of the losses by the images, [N, H, W, C]; to be disposed of by the caller */
  gradients: tf.Tensor4D;
}

/** How the images of some rows, [n, H, W, C] in [0, 1], are looked at. @param at the row that each belongs to */
export interface Looking {
  look(images: tf.Tensor4D, at: readonly number[]): Look;
  /** Without gradients: where an attack ends, it makes no step more. */
  glance(images: tf.Tensor4D, at: readonly number[]): Glance;
}

/** What is differentiated: losses [N], and the tests' logarithms [N, 3] or [N, 4], which say what is accepted. */
type Seen = { ratios: tf.Tensor2D; losses: tf.Tensor1D };

/** How the images of these rows are looked at. */
export function looking(victim: Victim, rows: Rows, objective: Objective): Looking {
  const targetsOf = (at: readonly number[]) => at.map((row) => rows.targets[row] as number);
  if (objective === 'orthogonal') {
    return {
      look: (images, at) => orthogonalLook(victim, images, targetsOf(at)),
      glance: (images, at) => joined(TESTS.map((tests) => glance(images, (x) => testsSeen(victim, x, targetsOf(at), tests)))),
    };
  }
  const seenAt = seeing(victim, rows, objective, targetsOf);
  return {
    look: (images, at) => descent(images, (x) => seenAt(x, at)),
    glance: (images, at) => glance(images, (x) => seenAt(x, at)),
  };
}

function seeing(
  victim: Victim,
  rows: Rows,
  objective: Exclude<Objective, 'orthogonal'>,
  targetsOf: (at: readonly number[]) => number[],
): (x: tf.Tensor4D, at: readonly number[]) => Seen {
  if (objective === 'dlr') {
    const { truths } = rows;
    if (!truths) throw new TypeError('dlr needs the true class of each row');
    return (x, at) => {
      const ratios = classRatios(victim, x);
      const truthsAt = at.map((row) => truths[row] as number);
      return { ratios: ofClass(ratios, targetsOf(at)), losses: targetedDlr(ratios, targetsOf(at), truthsAt) };
    };
  }
  if (objective !== 'features') {
    return (x, at) => {
      const ratios = logRatios(victim, x, targetsOf(at));
      return { ratios, losses: combined(ratios, objective) };
    };
  }
  const guides = tf.tidy(() => Array.from((victim.encoder.apply(tensorOf(victim, rows.starts)) as tf.Tensor2D).arraySync()));
  return (x, at) => {
    const guide = tf.tensor2d(at.map((row) => guides[row] as number[]));
    return {
      ratios: logRatios(victim, x, targetsOf(at)),
      losses: tf.squaredDifference(victim.encoder.apply(x) as tf.Tensor2D, guide).sum(1) as tf.Tensor1D,
    };
  };
}

/** Whether each image is accepted as its target, without a gradient. */
export function acceptedAs(victim: Victim, images: tf.Tensor4D, targets: ArrayLike<number>): boolean[] {
  return tf.tidy(() => acceptedIn(logRatios(victim, images, targets)));
}

function descent(images: tf.Tensor4D, seenAt: (x: tf.Tensor4D) => Seen): Look {
  const [values, gradients, ratios] = tf.tidy(() => {
    let seen: tf.Tensor2D | undefined;
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
      const { ratios, losses } = seenAt(x as tf.Tensor4D);
      seen = tf.keep(ratios);
      return losses;
    })(images, tf.ones([images.shape[0]]));
    return [value, grad as tf.Tensor4D, seen as tf.Tensor2D] as const;
  });
  const look = { losses: values.dataSync() as Float32Array, accepted: acceptedIn(ratios), gradients };
  tf.dispose([values, ratios]);
  return look;
}

function glance(images: tf.Tensor4D, seenAt: (x: tf.Tensor4D) => Seen): Glance {
  return tf.tidy(() => {
    const { ratios, losses } = seenAt(images);
    return { losses: losses.dataSync() as Float32Array, accepted: acceptedIn(ratios) };
  });
}

/** Of the tests, those in the latent space and those on the reconstruction: the first, and how many, -1 for all that follow. */
const TESTS = [
  [0, 2],
  [2, -1],
] as const;

function testsSeen(victim: Victim, x: tf.Tensor4D, targets: number[], [first, count]: (typeof TESTS)[number]): Seen {
  const ratios = logRatios(victim, x, targets);
  const some = ratios.slice([0, first], [ratios.shape[0], count < 0 ? ratios.shape[1] - first : count]) as tf.Tensor2D;
  return { ratios, losses: combined(some, 'log-sum-exp') };
}

/** The larger of two losses, of the same tests. */
function joined([latent, reconstruction]: Glance[]): Glance {
  const { losses, accepted } = latent as Glance;
  return { losses: losses.map((loss, i) => Math.max(loss, reconstruction?.losses[i] as number)), accepted };
}

/** Two gradients: of the tests in the latent space, and of those on the reconstruction. */
function orthogonalLook(victim: Victim, images: tf.Tensor4D, targets: number[]): Look {
  const [latent, reconstruction] = TESTS.map((tests) => descent(images, (x) => testsSeen(victim, x, targets, tests))) as [Look, Look];
  const gradients = tf.tidy(() => {
    // A hair below the threshold, so that the two do not take turns for ever.
    const passed = tf
      .tensor4d(
        Array.from(latent.losses, (loss) => (loss < -0.05 ? 1 : 0)),
        [targets.length, 1, 1, 1],
      )
      .cast('bool');
    return tf.where(
      passed,
      orthogonalTo(reconstruction.gradients, latent.gradients),
      orthogonalTo(latent.gradients, reconstruction.gradients),
    ) as tf.Tensor4D;
  });
  tf.dispose([latent.gradients, reconstruction.gradients]);
  return { ...joined([latent, reconstruction]), gradients };
}

function acceptedIn(ratios: tf.Tensor2D): boolean[] {
  const worst = tf.tidy(() => ratios.max(1).dataSync());
  return Array.from(worst, (value) => value <= -SLACK);
}

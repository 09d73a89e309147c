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

/** One look at the images of some rows. */
export interface Look {
  /** of each image, what the attacker makes small: [N] */
  losses: Float32Array;
  /** whether each is accepted as its target, with a little to spare: [N] */
  accepted: boolean[];
  /** of the losses by the images, [N, H, W, C]; to be disposed of by the caller */
  gradients: tf.Tensor4D;
}

/**
 * @param images [n, H, W, C] in [0, 1]
 * @param at the row that each belongs to
 */
export type Looking = (images: tf.Tensor4D, at: readonly number[]) => Look;

/** How the images of these rows are looked at. */
export function looking(victim: Victim, rows: Rows, objective: Objective): Looking {
  const targetsOf = (at: readonly number[]) => at.map((row) => rows.targets[row] as number);
  if (objective === 'orthogonal') return (images, at) => orthogonalLook(victim, images, targetsOf(at));
  if (objective === 'dlr') {
    const { truths } = rows;
    if (!truths) throw new TypeError('dlr needs the true class of each row');
    return (images, at) =>
      descent(images, (x) => {
        const ratios = classRatios(victim, x);
        const truthsAt = at.map((row) => truths[row] as number);
        return { ratios: ofClass(ratios, targetsOf(at)), losses: targetedDlr(ratios, targetsOf(at), truthsAt) };
      });
  }
  if (objective !== 'features') {
    return (images, at) =>
      descent(images, (x) => {
        const ratios = logRatios(victim, x, targetsOf(at));
        return { ratios, losses: combined(ratios, objective) };
      });
  }
  const guides = tf.tidy(() => Array.from((victim.encoder.apply(tensorOf(victim, rows.starts)) as tf.Tensor2D).arraySync()));
  return (images, at) => {
    const guide = tf.tensor2d(at.map((row) => guides[row] as number[]));
    const look = descent(images, (x) => ({
      ratios: logRatios(victim, x, targetsOf(at)),
      losses: tf.squaredDifference(victim.encoder.apply(x) as tf.Tensor2D, guide).sum(1) as tf.Tensor1D,
    }));
    guide.dispose();
    return look;
  };
}

/** Whether each image is accepted as its target, without a gradient. */
export function acceptedAs(victim: Victim, images: tf.Tensor4D, targets: ArrayLike<number>): boolean[] {
  return tf.tidy(() => acceptedIn(logRatios(victim, images, targets)));
}

function descent(images: tf.Tensor4D, seenAt: (x: tf.Tensor4D) => { ratios: tf.Tensor2D; losses: tf.Tensor1D }): Look {
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

/** Two gradients: of the tests in the latent space, and of those on the reconstruction. */
function orthogonalLook(victim: Victim, images: tf.Tensor4D, targets: number[]): Look {
  const part = (first: number, count: number) =>
    descent(images, (x) => {
      const ratios = logRatios(victim, x, targets);
      const some = ratios.slice([0, first], [ratios.shape[0], count < 0 ? ratios.shape[1] - first : count]) as tf.Tensor2D;
      return { ratios, losses: combined(some, 'log-sum-exp') };
    });
  const [latent, reconstruction] = [part(0, 2), part(2, -1)];
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
  const losses = Float32Array.from(latent.losses, (loss, i) => Math.max(loss, reconstruction.losses[i] as number));
  return { losses, accepted: latent.accepted, gradients };
}

function acceptedIn(ratios: tf.Tensor2D): boolean[] {
  const worst = tf.tidy(() => ratios.max(1).dataSync());
  return Array.from(worst, (value) => value <= -SLACK);
}

import type * as tf from '@tensorflow/tfjs';
import { stack, tensor1d } from '@tensorflow/tfjs';

/** Squared distance at which an image counts as rejected, where the means are at 2 from each other. */
const REJECTED = 0.5;

export interface RobustLossOptions {
  /** The class means, [k, d] */
  means: tf.Tensor2D;
  temperature: number;
  /** Of outliers: the squared distance that they are to keep from every mean. */
  margin: number;
  rejectWeight: number;
  attackedWeight: number;
  /** Weight of an outlier's loss. */
  outlierWeight: number;
}

/** Returns d_j = ||z - mu_j||^2: [N, d], [k, d] → [N, k]. */
export function squaredDistances(latents: tf.Tensor2D, means: tf.Tensor2D): tf.Tensor2D {
  return latents.expandDims(1).sub(means.expandDims(0)).square().sum(2) as tf.Tensor2D;
}

/** Returns 1 where a target is the mean of the class, for one-hot means; nothing is 1 for the origin. [N, d], [k, d] → [N, k]. */
export function ownClasses(targets: tf.Tensor2D, means: tf.Tensor2D): tf.Tensor2D {
  return targets.matMul(means, false, true) as tf.Tensor2D;
}

/**
 * Computes the loss of attacked images, with a reject option. With d_j = ||f(x') - mu_j||^2, temperature T and m = .5:
 *
 * - an image of class y: rejectWeight L_rej + attackedWeight CE, where
 *   L_rej = -log[(e^(-d_y/T) + e^(-m/T)) / (sum_j e^(-d_j/T) + e^(-m/T))] lets it land on its own class or nowhere, and
 *   CE = d_y/T + log sum_j e^(-d_j/T) is without which training learns the attack's signature instead of robustness;
 * - an outlier: outlierWeight log(1 + exp((margin - min_j d_j) / T)), as for one that is not attacked.
 *
 * @param latents of the attacked images, [M, d]
 * @param targets mu_y, the origin for an outlier: [M, d]
 * @param genuine 1 for an image of a class, 0 for an outlier: [M]
 * @returns [M]
 */
export function attackedLoss(latents: tf.Tensor2D, targets: tf.Tensor2D, genuine: tf.Tensor1D, options: RobustLossOptions): tf.Tensor1D {
  const { means, temperature, margin, rejectWeight, attackedWeight, outlierWeight } = options;
  const distances = squaredDistances(latents, means);
  const nearness = distances.div(-temperature); // [M, k]
  const ofOwn = nearness.mul(ownClasses(targets, means)).sum(1); // [M]
  const all = nearness.logSumExp(1);
  const nowhere = tensor1d([-REJECTED / temperature]).broadcastTo([latents.shape[0]]);
  const either = (one: tf.Tensor, other: tf.Tensor) => stack([one, other], 1).logSumExp(1);
  const reject = either(all, nowhere).sub(either(ofOwn, nowhere));
  const own = reject.mul(rejectWeight).add(all.sub(ofOwn).mul(attackedWeight));
  const intrusion = nearness.max(1).add(margin / temperature);
  const softplus = either(intrusion, intrusion.zerosLike());
  return own.mul(genuine).add(softplus.mul(genuine.mul(-1).add(1)).mul(outlierWeight)) as tf.Tensor1D;
}

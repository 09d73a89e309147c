import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../shared/screening-schema.ts';
import type { Victim } from './victim.ts';

/** How the tests are made one loss: the sum of what each score is over its threshold, a smooth maximum, or the dominant one alone. */
export type Combination = 'hinges' | 'log-sum-exp' | 'dominant';

/** What is below each threshold by this share counts as accepted in spite of float32: verdicts are the exported graph's. */
export const SLACK = 1e-3;
/** A hinge goes on a little below its threshold, */
const HINGE = 0.95;
/** and grows no more where a score is this many times its threshold (a logarithm): far off, one test would drown the others. */
const FAR = 4;
/** Of the smooth maximum. */
const SHARPNESS = 4;
/**
 * Weight of all tests together, passed or not. Where one alone is descended, images end where the encoder's last ReLUs are all off and its gradient
 * is zero; a little of the reconstruction's, which is never flat, leads out of there (on models/mnist at linf .2: 6 → 17 of 20 images broken from the image itself).
 */
const PULL = 0.01;
const TINY = 1e-12;

/**
 * For each image, how far it is from being accepted as its target: the logarithm of each score over its threshold. It is accepted as the
 * target where all are below zero.
 *
 * The scores: ||z - mu_t||^2 over that of the nearest other mean (the label is the nearest mean), then those of the decision:
 * latent distance, reconstruction error and relative error over the thresholds of t.
 *
 * @param images [N, H, W, C]
 * @param targets class of each, N whole numbers
 * @returns [N, 3], or [N, 4] where the bundle has a third score
 */
export function logRatios(victim: Victim, images: tf.Tensor4D, targets: ArrayLike<number>): tf.Tensor2D {
  const latents = victim.encoder.apply(images) as tf.Tensor2D; // [N, d]
  const reconstructions = victim.decoder.apply(latents) as tf.Tensor4D;
  const errors = tf.squaredDifference(images, reconstructions).sum([1, 2, 3]) as tf.Tensor1D; // [N]
  const { maxReconstructionError, maxRelativeError } = victim.thresholds;
  const terms = [...latentRatios(victim, latents, targets), logRatio(errors, maxReconstructionError, targets)];
  if (maxRelativeError) {
    const energy = images.square().sum([1, 2, 3]).add(victim.relativeErrorOffset);
    terms.push(logRatio(errors.div(energy) as tf.Tensor1D, maxRelativeError, targets));
  }
  return tf.stack(terms, 1) as tf.Tensor2D;
}

/** The first two of `logRatios`, [N] each: nearest mean and latent test, from the latents [N, d]. */
export function latentRatios(
  { means, covariances, precisions, thresholds }: Victim,
  latents: tf.Tensor2D,
  targets: ArrayLike<number>,
): tf.Tensor1D[] {
  const chosen = tf.oneHot(tf.tensor1d(Array.from(targets), 'int32'), means.length).cast('float32'); // [N, k]
  const away = latents.expandDims(1).sub(tf.tensor2d(means)).square().sum(2) as tf.Tensor2D; // [N, k]
  const own = away.mul(chosen).sum(1) as tf.Tensor1D;
  const nearestOther = away.add(chosen.mul(1e6)).min(1) as tf.Tensor1D;
  const nearest = own.add(TINY).log().sub(nearestOther.add(TINY).log()) as tf.Tensor1D;
  const fromMean = latents.sub(rowsOf(means, targets)) as tf.Tensor2D;
  const distance = mahalanobis(covariances, precisions, fromMean, own, targets);
  return [nearest, logRatio(distance, thresholds.maxLatentDistance, targets)];
}

function logRatio(scores: tf.Tensor1D, thresholds: readonly number[], targets: ArrayLike<number>): tf.Tensor1D {
  const limits = Array.from(targets, (target) => Math.log(Math.max(thresholds[target] as number, TINY)));
  return scores.add(TINY).log().sub(tf.tensor1d(limits)) as tf.Tensor1D;
}

/** Squared, of z - mu_t: [N, d] → [N]. */
function mahalanobis(
  covariances: Screening['covariances'],
  precisions: Victim['precisions'],
  fromMean: tf.Tensor2D,
  squared: tf.Tensor1D,
  targets: ArrayLike<number>,
): tf.Tensor1D {
  if (covariances.kind === 'spherical')
    return squared.div(tf.tensor1d(Array.from(targets, (target) => covariances.values[target] as number))) as tf.Tensor1D;
  if (covariances.kind === 'diagonal') return fromMean.square().div(rowsOf(covariances.values, targets)).sum(1) as tf.Tensor1D;
  const own = tf.tensor3d(Array.from(targets, (target) => precisions?.[target] as number[][])); // [N, d, d]
  return tf.matMul(fromMean.expandDims(1), own).squeeze([1]).mul(fromMean).sum(1) as tf.Tensor1D;
}

const rowsOf = (rows: readonly (readonly number[])[], targets: ArrayLike<number>) =>
  tf.tensor2d(Array.from(targets, (target) => [...(rows[target] as readonly number[])]));

/** @param ratios [N, s] of `logRatios` @returns the loss of each, [N]: the attacker makes it small */
export function combined(ratios: tf.Tensor2D, combination: Combination): tf.Tensor1D {
  return lossOf(ratios, combination).add(ratios.sum(1).mul(PULL)) as tf.Tensor1D;
}

function lossOf(ratios: tf.Tensor2D, combination: Combination): tf.Tensor {
  if (combination === 'hinges') return ratios.minimum(FAR).exp().sub(HINGE).relu().sum(1);
  if (combination === 'dominant') return ratios.max(1);
  return ratios.mul(SHARPNESS).logSumExp(1).div(SHARPNESS);
}

import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../shared/bundle/screening-schema.ts';
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
 * For each image and class, how far it is from being accepted as that class: the logarithm of each score over its threshold. It is
 * accepted as the class of which all are below zero.
 *
 * The scores: ||z - mu_c||^2 over that of the nearest other mean (the label is the nearest mean), then those of the decision:
 * latent distance, reconstruction error and relative error over the thresholds of c.
 *
 * @param images [N, H, W, C]
 * @returns [N, k, 3], or [N, k, 4] where the bundle has a third score
 */
export function classRatios(victim: Victim, images: tf.Tensor4D): tf.Tensor3D {
  const latents = victim.encoder.apply(images) as tf.Tensor2D; // [N, d]
  const reconstructions = victim.decoder.apply(latents) as tf.Tensor4D;
  const errors = tf.squaredDifference(images, reconstructions).sum([1, 2, 3]).expandDims(1) as tf.Tensor2D; // [N, 1]
  const { maxReconstructionError, maxRelativeError } = victim.thresholds;
  const terms = [...classLatentRatios(victim, latents), logRatio(errors, maxReconstructionError)];
  if (maxRelativeError) {
    const energy = images.square().sum([1, 2, 3]).add(victim.relativeErrorOffset).expandDims(1);
    terms.push(logRatio(errors.div(energy) as tf.Tensor2D, maxRelativeError));
  }
  return tf.stack(terms, 2) as tf.Tensor3D;
}

/** Of `classRatios` those of each image's target. @param targets class of each, N whole numbers @returns [N, 3] or [N, 4] */
export function logRatios(victim: Victim, images: tf.Tensor4D, targets: ArrayLike<number>): tf.Tensor2D {
  return ofClass(classRatios(victim, images), targets);
}

/** The first two of `logRatios`, [N] each: nearest mean and latent test, from the latents [N, d]. */
export function latentRatios(victim: Victim, latents: tf.Tensor2D, targets: ArrayLike<number>): tf.Tensor1D[] {
  return classLatentRatios(victim, latents).map((ratios) => ofClass(ratios, targets));
}

/** Of each row what belongs to its class: [N, k, …] → [N, …]. */
export function ofClass<Of extends tf.Tensor>(values: tf.Tensor, classes: ArrayLike<number>): Of {
  const [n, k, ...others] = values.shape as [number, number, ...number[]];
  const chosen = tf.oneHot(tf.tensor1d(Array.from(classes), 'int32'), k).cast('float32');
  return values.mul(chosen.reshape([n, k, ...others.map(() => 1)])).sum(1) as Of;
}

/** [N, k] each. */
function classLatentRatios({ means, covariances, precisions, thresholds }: Victim, latents: tf.Tensor2D): tf.Tensor2D[] {
  const k = means.length;
  const fromMeans = latents.expandDims(1).sub(tf.tensor2d(means)) as tf.Tensor3D; // [N, k, d]
  const away = fromMeans.square().sum(2) as tf.Tensor2D;
  const nearestOther = away.expandDims(1).add(tf.eye(k).mul(1e6)).min(2) as tf.Tensor2D;
  const nearest = away.add(TINY).log().sub(nearestOther.add(TINY).log()) as tf.Tensor2D;
  const distances = mahalanobis(covariances, precisions, fromMeans, away);
  return [nearest, logRatio(distances, thresholds.maxLatentDistance)];
}

/** @param scores [N, k], or [N, 1] where they are the same for all classes @returns [N, k] */
function logRatio(scores: tf.Tensor2D, thresholds: readonly number[]): tf.Tensor2D {
  const limits = thresholds.map((threshold) => Math.log(Math.max(threshold, TINY)));
  return scores
    .add(TINY)
    .log()
    .sub(tf.tensor2d([limits])) as tf.Tensor2D;
}

/** Squared, of z - mu_c, [N, k, d]: [N, k]. */
function mahalanobis(
  covariances: Screening['covariances'],
  precisions: Victim['precisions'],
  fromMeans: tf.Tensor3D,
  squared: tf.Tensor2D,
): tf.Tensor2D {
  if (covariances.kind === 'spherical') return squared.div(tf.tensor2d([covariances.values])) as tf.Tensor2D;
  if (covariances.kind === 'diagonal') return fromMeans.square().div(tf.tensor2d(covariances.values)).sum(2) as tf.Tensor2D;
  const ofClasses = fromMeans.transpose([1, 0, 2]); // [k, N, d]
  const weighted = tf.matMul(ofClasses, tf.tensor3d(precisions as number[][][]));
  return weighted.mul(ofClasses).sum(2).transpose() as tf.Tensor2D;
}

/** @param ratios [N, s] of `logRatios` @returns the loss of each, [N]: the attacker makes it small */
export function combined(ratios: tf.Tensor2D, combination: Combination): tf.Tensor1D {
  return lossOf(ratios, combination).add(ratios.sum(1).mul(PULL)) as tf.Tensor1D;
}

function lossOf(ratios: tf.Tensor2D, combination: Combination): tf.Tensor {
  if (combination === 'hinges') return ratios.minimum(FAR).exp().sub(HINGE).relu().sum(1);
  if (combination === 'dominant') return ratios.max(1);
  return ratios.mul(SHARPNESS).logSumExp(1).div(SHARPNESS);
}

import * as tf from '@tensorflow/tfjs';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { GradientModel } from '../attack.ts';

/** Combines the tests into one loss: the sum of each score's excess over its threshold, a smooth maximum, or the largest alone. */
export type Combination = 'hinges' | 'log-sum-exp' | 'dominant';

/** A score must be below its threshold by this share to count as accepted, because float32 rounds: verdicts come from the exported graph. */
export const ACCEPTANCE_MARGIN = 1e-3;
/** A hinge is zero below this share of the threshold. */
const HINGE = 0.95;
/** A hinge stops growing at this logarithm of score over threshold. Without the limit one test far off would drown the others. */
const MAX_HINGE_RATIO = 4;
/** Sharpness of the smooth maximum. */
const SHARPNESS = 4;
/**
 * Weight of the sum of all tests, passed or not. An attack that descends one test alone ends where the encoder's last ReLUs are all off and
 * its gradient is zero; a little of the reconstruction's gradient, which is never flat, leads out of there (on models/mnist at linf .2,
 * from the image itself: 17 of 20 images broken instead of 6).
 */
const SUM_WEIGHT = 0.01;
const TINY = 1e-12;

/**
 * Calculates how far each image is from being accepted as each class: the logarithm of each score over its threshold. An image is accepted
 * as the class for which all are below zero.
 *
 * The scores are ||z - mu_c||^2 over that of the nearest other mean (as the label is the nearest mean), then those of the decision: latent
 * distance, reconstruction error and relative error over the thresholds of c.
 *
 * @param images [N, H, W, C]
 * @returns [N, k, 3], or [N, k, 4] where the bundle has a third score
 */
export function classRatios(model: GradientModel, images: tf.Tensor4D): tf.Tensor3D {
  const latents = model.encoder.apply(images) as tf.Tensor2D; // [N, d]
  const reconstructions = model.decoder.apply(latents) as tf.Tensor4D;
  const errors = tf.squaredDifference(images, reconstructions).sum([1, 2, 3]).expandDims(1) as tf.Tensor2D; // [N, 1]
  const { maxReconstructionError, maxRelativeError } = model.thresholds;
  const terms = [...classLatentRatios(model, latents), logRatio(errors, maxReconstructionError)];
  if (maxRelativeError) {
    const energy = images.square().sum([1, 2, 3]).add(model.relativeErrorOffset).expandDims(1);
    terms.push(logRatio(errors.div(energy) as tf.Tensor2D, maxRelativeError));
  }
  return tf.stack(terms, 2) as tf.Tensor3D;
}

/** Picks each image's target from `classRatios`. @returns [N, 3] or [N, 4] */
export function logRatios(model: GradientModel, images: tf.Tensor4D, targets: ArrayLike<number>): tf.Tensor2D {
  return ofClass(classRatios(model, images), targets);
}

/** The first two of `logRatios`, nearest mean and latent test, from latents [N, d]: [N] each. */
export function latentRatios(model: GradientModel, latents: tf.Tensor2D, targets: ArrayLike<number>): tf.Tensor1D[] {
  return classLatentRatios(model, latents).map((ratios) => ofClass(ratios, targets));
}

/** Picks each row's class: [N, k, …] → [N, …]. */
export function ofClass<T extends tf.Tensor>(values: tf.Tensor, classes: ArrayLike<number>): T {
  const [n, k, ...others] = values.shape as [number, number, ...number[]];
  const chosen = tf.oneHot(tf.tensor1d(Array.from(classes), 'int32'), k).cast('float32');
  return values.mul(chosen.reshape([n, k, ...others.map(() => 1)])).sum(1) as T;
}

/** The nearest-mean and the latent ratios of all classes, [N, k] each. */
function classLatentRatios({ means, covariances, precisions, thresholds }: GradientModel, latents: tf.Tensor2D): tf.Tensor2D[] {
  const k = means.length;
  const fromMeans = latents.expandDims(1).sub(tf.tensor2d(means)) as tf.Tensor3D; // [N, k, d]
  const squared = fromMeans.square().sum(2) as tf.Tensor2D;
  const nearestOther = squared.expandDims(1).add(tf.eye(k).mul(1e6)).min(2) as tf.Tensor2D;
  const nearest = squared.add(TINY).log().sub(nearestOther.add(TINY).log()) as tf.Tensor2D;
  const distances = mahalanobis(covariances, precisions, fromMeans, squared);
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

/** The squared Mahalanobis distance of z - mu_c: [N, k, d] → [N, k]. */
function mahalanobis(
  covariances: Screening['covariances'],
  precisions: GradientModel['precisions'],
  fromMeans: tf.Tensor3D,
  squared: tf.Tensor2D,
): tf.Tensor2D {
  if (covariances.kind === 'spherical') return squared.div(tf.tensor2d([covariances.values])) as tf.Tensor2D;
  if (covariances.kind === 'diagonal') return fromMeans.square().div(tf.tensor2d(covariances.values)).sum(2) as tf.Tensor2D;
  const ofClasses = fromMeans.transpose([1, 0, 2]); // [k, N, d]
  const weighted = tf.matMul(ofClasses, tf.tensor3d(precisions as number[][][]));
  return weighted.mul(ofClasses).sum(2).transpose() as tf.Tensor2D;
}

/** Combines the tests of `logRatios`, [N, s], into the loss that the attacker minimises, [N]. */
export function combined(ratios: tf.Tensor2D, combination: Combination): tf.Tensor1D {
  return lossOf(ratios, combination).add(ratios.sum(1).mul(SUM_WEIGHT)) as tf.Tensor1D;
}

function lossOf(ratios: tf.Tensor2D, combination: Combination): tf.Tensor {
  if (combination === 'hinges') return ratios.minimum(MAX_HINGE_RATIO).exp().sub(HINGE).relu().sum(1);
  if (combination === 'dominant') return ratios.max(1);
  return ratios.mul(SHARPNESS).logSumExp(1).div(SHARPNESS);
}

import * as tf from '@tensorflow/tfjs';
import { SCORES, testedScores } from '../../shared/score-table.ts';
import type { GradientModel } from '../attack.ts';
import { CLASS_SCORES, type Explained, explain, fromMeans } from './class-scores.ts';

/** Combines the tests into one loss: the sum of each score's excess over its threshold, a smooth maximum, or the largest alone. */
export type Combination = 'hinges' | 'log-sum-exp' | 'dominant';

/**
 * A score must be below its threshold by this share to count as accepted, because float32 rounds: verdicts come from the exported graph.
 */
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
 * The scores are ||z - mu_c||^2 over that of the nearest other mean (as the label is the nearest mean), then those of the decision, in the
 * order of their tests.
 *
 * @returns [N, k, 1 + the number of scores that the bundle tests]
 */
export function ratiosOf(model: GradientModel, explained: Explained): tf.Tensor3D {
  const tests = testedScores(model.thresholds).map((name) =>
    logRatio(CLASS_SCORES[name](model, explained), model.thresholds[SCORES[name].threshold] as number[]),
  );
  return tf.stack([nearestRatio(model, explained.latents), ...tests], 2) as tf.Tensor3D;
}

/** Calculates `ratiosOf` images, [N, H, W, C], by the model. */
export const classRatios = (model: GradientModel, images: tf.Tensor4D): tf.Tensor3D => ratiosOf(model, explain(model, images));

/** Picks each image's target from `classRatios`: [N, s]. */
export function logRatios(model: GradientModel, images: tf.Tensor4D, targets: ArrayLike<number>): tf.Tensor2D {
  return ofClass(classRatios(model, images), targets);
}

/** Picks each row's class: [N, k, …] → [N, …]. */
export function ofClass<T extends tf.Tensor>(values: tf.Tensor, classes: ArrayLike<number>): T {
  const [n, k, ...others] = values.shape as [number, number, ...number[]];
  const chosen = tf.oneHot(tf.tensor1d(Array.from(classes), 'int32'), k).cast('float32');
  return values.mul(chosen.reshape([n, k, ...others.map(() => 1)])).sum(1) as T;
}

function nearestRatio(model: GradientModel, latents: tf.Tensor2D): tf.Tensor2D {
  const squared = fromMeans(model, latents).square().sum(2) as tf.Tensor2D;
  const others = tf.eye(model.means.length).mul(1e6);
  const nearestOther = squared.expandDims(1).add(others).min(2) as tf.Tensor2D;
  return squared.add(TINY).log().sub(nearestOther.add(TINY).log());
}

/** @param scores [N, k], or [N, 1] where they are the same for all classes @returns [N, k] */
function logRatio(scores: tf.Tensor2D, thresholds: readonly number[]): tf.Tensor2D {
  const limits = thresholds.map((threshold) => Math.log(Math.max(threshold, TINY)));
  return scores
    .add(TINY)
    .log()
    .sub(tf.tensor2d([limits])) as tf.Tensor2D;
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

import * as tf from '@tensorflow/tfjs';
import type { GradientModel } from '../attack.ts';
import type { Rows } from '../rows.ts';
import { mask, tensorOf } from '../tensors.ts';
import { targetedDlr } from './dlr.ts';
import { ACCEPTANCE_MARGIN, type Combination, classRatios, combined, logRatios, ofClass } from './joint.ts';

/**
 * Names the loss that an attack on the joint decision descends. A combination of the decision's tests; `dlr`: the target's tests against
 * those of its rivals (`dlr.ts`); `features`: the distance to the latent of the row's start, a real image of the target (feature matching;
 * Sabour et al., ICLR 2016); `orthogonal`: the test that is not passed yet, along the direction that leaves the other one alone (Bryniarski
 * et al., ICLR 2022).
 */
export type ObjectiveName = Combination | 'dlr' | 'features' | 'orthogonal';

export interface Loss {
  /** The attacker minimises these, [N]. */
  losses: Float32Array;
  /** Each image is accepted as its target, with a little to spare: [N]. */
  accepted: boolean[];
}

export interface LossAndGradients extends Loss {
  /** The gradient of the losses by the images, [N, H, W, C]; the caller disposes of it. */
  gradients: tf.Tensor4D;
}

/** Evaluates a loss at the images, [n, H, W, C] in [0, 1], of some rows. @param at the row that each image belongs to */
export interface Objective {
  lossAndGradients(images: tf.Tensor4D, at: readonly number[]): LossAndGradients;
  /** Without gradients, for the end of an attack. */
  loss(images: tf.Tensor4D, at: readonly number[]): Loss;
}

/** The tests' logarithms, [N, 3] or [N, 4], which say what is accepted, and the losses, [N], which are differentiated. */
type Evaluated = { ratios: tf.Tensor2D; losses: tf.Tensor1D };
type Evaluate = (images: tf.Tensor4D, at: readonly number[]) => Evaluated;

export function objectiveOf(model: GradientModel, rows: Rows, name: ObjectiveName): Objective {
  const targetsOf = (at: readonly number[]) => at.map((row) => rows.targets[row] as number);
  if (name === 'orthogonal') {
    return {
      lossAndGradients: (images, at) => orthogonal(model, images, targetsOf(at)),
      loss: (images, at) => larger(HALVES.map((half) => lossOf(images, (x) => testsOf(model, x, targetsOf(at), half)))),
    };
  }
  const evaluate = evaluation(model, rows, name, targetsOf);
  return {
    lossAndGradients: (images, at) => gradientsOf(images, (x) => evaluate(x, at)),
    loss: (images, at) => lossOf(images, (x) => evaluate(x, at)),
  };
}

function evaluation(
  model: GradientModel,
  rows: Rows,
  name: Exclude<ObjectiveName, 'orthogonal'>,
  targetsOf: (at: readonly number[]) => number[],
): Evaluate {
  if (name === 'dlr') {
    const { truths } = rows;
    if (!truths) throw new TypeError('the loss dlr needs the true class of each row');
    return (x, at) => {
      const ratios = classRatios(model, x);
      const truthsAt = at.map((row) => truths[row] as number);
      return { ratios: ofClass(ratios, targetsOf(at)), losses: targetedDlr(ratios, targetsOf(at), truthsAt) };
    };
  }
  if (name !== 'features') {
    return (x, at) => {
      const ratios = logRatios(model, x, targetsOf(at));
      return { ratios, losses: combined(ratios, name) };
    };
  }
  const guides = tf.tidy(() => (model.encoder.apply(tensorOf(model, rows.starts)) as tf.Tensor2D).arraySync());
  return (x, at) => {
    const guide = tf.tensor2d(at.map((row) => guides[row] as number[]));
    return {
      ratios: logRatios(model, x, targetsOf(at)),
      losses: tf.squaredDifference(model.encoder.apply(x) as tf.Tensor2D, guide).sum(1) as tf.Tensor1D,
    };
  };
}

/** Says for each image whether it is accepted as its target. */
export function acceptedAs(model: GradientModel, images: tf.Tensor4D, targets: ArrayLike<number>): boolean[] {
  return tf.tidy(() => acceptedIn(logRatios(model, images, targets)));
}

function gradientsOf(images: tf.Tensor4D, evaluate: (x: tf.Tensor4D) => Evaluated): LossAndGradients {
  const [values, gradients, ratios] = tf.tidy(() => {
    let kept: tf.Tensor2D | undefined;
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
      const { ratios, losses } = evaluate(x as tf.Tensor4D);
      kept = tf.keep(ratios);
      return losses;
    })(images, tf.ones([images.shape[0]]));
    return [value, grad as tf.Tensor4D, kept as tf.Tensor2D] as const;
  });
  const result = { losses: values.dataSync() as Float32Array, accepted: acceptedIn(ratios), gradients };
  tf.dispose([values, ratios]);
  return result;
}

function lossOf(images: tf.Tensor4D, evaluate: (x: tf.Tensor4D) => Evaluated): Loss {
  return tf.tidy(() => {
    const { ratios, losses } = evaluate(images);
    return { losses: losses.dataSync() as Float32Array, accepted: acceptedIn(ratios) };
  });
}

/** The tests in the latent space and those on the reconstruction: the first one, and how many (-1: all that follow). */
const HALVES = [
  [0, 2],
  [2, -1],
] as const;
/** A half below this counts as passed: a hair below the threshold, so that the two do not take turns for ever. */
const PASSED = -0.05;

function testsOf(model: GradientModel, x: tf.Tensor4D, targets: number[], [first, count]: (typeof HALVES)[number]): Evaluated {
  const ratios = logRatios(model, x, targets);
  const some = ratios.slice([0, first], [ratios.shape[0], count < 0 ? ratios.shape[1] - first : count]) as tf.Tensor2D;
  return { ratios, losses: combined(some, 'log-sum-exp') };
}

/** The larger loss of the two halves. */
function larger([latent, reconstruction]: Loss[]): Loss {
  const { losses, accepted } = latent as Loss;
  return { losses: losses.map((loss, i) => Math.max(loss, reconstruction?.losses[i] as number)), accepted };
}

function orthogonal(model: GradientModel, images: tf.Tensor4D, targets: number[]): LossAndGradients {
  const [latent, reconstruction] = HALVES.map((half) => gradientsOf(images, (x) => testsOf(model, x, targets, half))) as [
    LossAndGradients,
    LossAndGradients,
  ];
  const gradients = tf.tidy(() => {
    const [one, other] = [latent.gradients, reconstruction.gradients];
    const passed = mask(Array.from(latent.losses, (loss) => loss < PASSED));
    return tf.where(passed, orthogonalTo(other, one), orthogonalTo(one, other)) as tf.Tensor4D;
  });
  tf.dispose([latent.gradients, reconstruction.gradients]);
  return { ...larger([latent, reconstruction]), gradients };
}

/** Removes from each gradient its component along the other: [N, H, W, C] both. */
export function orthogonalTo(gradients: tf.Tensor4D, others: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    // Scaled, as the squares of small gradients are below what float32 holds.
    const unit = others.div(others.abs().max([1, 2, 3], true).add(1e-30));
    const along = gradients
      .mul(unit)
      .sum([1, 2, 3], true)
      .div(unit.square().sum([1, 2, 3], true).add(1e-12));
    return gradients.sub(unit.mul(along)) as tf.Tensor4D;
  });
}

function acceptedIn(ratios: tf.Tensor2D): boolean[] {
  const worst = tf.tidy(() => ratios.max(1).dataSync());
  return Array.from(worst, (value) => value <= -ACCEPTANCE_MARGIN);
}

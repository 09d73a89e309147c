import * as tf from '@tensorflow/tfjs';
import { DEFAULT_MIN_MARGIN } from '../shared/decision/decide.ts';
import { EVIDENCE_SCALE, PRIOR_IN_MARGIN } from '../shared/decision/latent-space.ts';
import type { Attack, GradientModel } from './attack.ts';
import { descendObjective } from './descent.ts';
import { logRatios, ofClass, ratiosOf } from './losses/joint.ts';
import type { Loss, LossAndGradients, Objective } from './losses/objective.ts';
import { attackRows } from './rows.ts';
import { priorOf, type Search, searchFrom, searchOn } from './steps/latent-search.ts';
import type { Norm } from './steps/projection.ts';
import { adamStep } from './steps/step.ts';

/** Wrong classes that are tried for each image, nearest first. */
export const SEARCHED_TARGETS = 4;
const STEPS = 100;
/** The cost of a step in gradients: both searches go on with it. */
const STEP_COST = 2.5;
/** Steps of the search before the image moves, and with each of its steps. */
const SEARCH = { before: 32, each: 2 };
/** Lengths of the first and the last step, as shares of the radius. */
const STEP = { first: 0.2, last: 0.01 };
/** Each test must be passed by this much, as a logarithm, since the exported search does not end at quite the same latents. */
const TEST_MARGIN = 0.03;
/** Sharpness of the smooth maximum over the tests. */
const SHARPNESS = 10;

/**
 * Attacks the search of Eq. 9: images that the edge rejects and that the search takes for a wrong class.
 *
 * @param minMargin how many times the target's error the error of the next class must be, less twice the target's prior, for the search's answer
 *   to count
 */
export const searchAttack = ({ norm, minMargin = DEFAULT_MIN_MARGIN }: { norm: Norm; minMargin?: number }): Attack => ({
  name: 'reclassified wrongly',
  ...{ knowledge: 'white-box', norm, kind: 'fixed radius', counts: 'best', source: import.meta.url },
  cost: SEARCHED_TARGETS * STEPS * STEP_COST,
  about:
    `rejected at the edge and taken for a wrong class by Eq. 9, ${SEARCHED_TARGETS} targets x ${STEPS} steps, ` +
    'the search within the attack',
  async run(model, images, labels, radius, seeds) {
    const { rows, of } = await attackRows(model, images, labels, seeds, { from: 'image', targets: SEARCHED_TARGETS });
    if (of.length === 0) return { images: new Float32Array(), of, targets: [] };
    const objective = searchFooled(model, rows.targets, rows.truths as number[], minMargin);
    const found = descendObjective(model, rows, { norm, radius }, { steps: STEPS, objective, step: adamStep(STEP) });
    objective.dispose();
    return { images: found.images, of, targets: rows.targets };
  },
});

/**
 * The loss of images that the edge is to reject and the search of Eq. 9 to take for their targets. The search is an optimisation within the
 * attack: with z_t and z_y the latents that explain the image best as the target and as its true class, the derivative of the difference of
 * the objectives ||g(z) - x||^2 + lambda ||z - mu||^2 by x is 2 (g(z_y) - g(z_t)), however z depend on x (envelope theorem). The errors
 * alone, which the margin compares, are differentiated in the same way, with the latents held constant. Both searches go on as the images
 * move; no row stops before the end.
 */
function searchFooled(
  model: GradientModel,
  targets: readonly number[],
  truths: readonly number[],
  minMargin: number,
): Objective & { dispose(): void } {
  let searches = [targets, truths].map((classes) =>
    searchFrom(tf.tensor2d(classes.map((label) => [...(model.means[label] as number[])]))),
  ) as [Search, Search];
  const lossAndGradients = (images: tf.Tensor4D): LossAndGradients => {
    const steps = searches[0].steps === 0 ? SEARCH.before : SEARCH.each;
    searches = searches.map((search) => searchOn(model, images, search, steps)) as [Search, Search];
    return { ...evaluated(model, images, targets, searches, minMargin), accepted: targets.map(() => false) };
  };
  return {
    lossAndGradients,
    loss(images): Loss {
      const { gradients, ...loss } = lossAndGradients(images);
      gradients.dispose();
      return loss;
    },
    dispose: () => tf.dispose(searches.flatMap(({ means, latents, mean, square }) => [means, latents, mean, square])),
  };
}

/** Evaluates the losses and their gradients by the images, with the latents held constant; below -TEST_MARGIN the attack succeeds. */
function evaluated(
  model: GradientModel,
  images: tf.Tensor4D,
  targets: readonly number[],
  [target, truth]: [Search, Search],
  minMargin: number,
): Omit<LossAndGradients, 'accepted'> {
  return tf.tidy(() => {
    const decoded = [target, truth].map(({ latents }) => model.decoder.apply(latents) as tf.Tensor4D) as [tf.Tensor4D, tf.Tensor4D];
    const nearest = nearestOf(model, images);
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
      const [wanted, other] = decoded.map((made) => tf.squaredDifference(x, made).sum([1, 2, 3]).add(1e-12)) as [tf.Tensor1D, tf.Tensor1D];
      const latent = model.encoder.apply(x) as tf.Tensor2D;
      const [best, otherwise] = [target, truth].map((search, i) =>
        [wanted, other][i]?.add(priorOf(model, search, search.latents)).add(evidenceOf(model, search.means, latent)),
      ) as [tf.Tensor1D, tf.Tensor1D];
      const tests = [
        wanted
          .mul(minMargin)
          .add(priorOf(model, target, target.latents).mul(PRIOR_IN_MARGIN))
          .log()
          .sub(other.log()),
        // Its objective is the smaller one.
        best.log().sub(otherwise.log()),
        // Rejected at the edge: at least one test is not passed.
        logRatios(model, x as tf.Tensor4D, nearest)
          .slice([0, 1])
          .max(1)
          .neg(),
      ];
      const { latents } = target;
      const found = ratiosOf(model, { images: x as tf.Tensor4D, latents, reconstructions: decoded[0], errors: wanted });
      const all = tf.concat([tf.stack(tests, 1), ofClass<tf.Tensor2D>(found, targets)], 1);
      const worst = all.add(TEST_MARGIN).mul(SHARPNESS).logSumExp(1).div(SHARPNESS);
      // A little of the margin in any case: while other tests matter more, the smooth maximum says nothing of it.
      return worst.add((tests[0] as tf.Tensor).mul(0.1)) as tf.Tensor1D;
    })(images, tf.ones([images.shape[0]]));
    return { losses: value.dataSync() as Float32Array, gradients: grad as tf.Tensor4D };
  });
}

/** What the encoder's latent says against the class of each mean, kappa log(1 + ||f(x) - mu||^2 / s), [N]. */
const evidenceOf = ({ search }: GradientModel, means: tf.Tensor2D, latents: tf.Tensor2D) =>
  latents.squaredDifference(means).sum(1).div(EVIDENCE_SCALE).log1p().mul(search.encoderWeight) as tf.Tensor1D;

/** The nearest class of each image, as the edge finds it. */
function nearestOf({ encoder, means }: GradientModel, image: tf.Tensor4D): number[] {
  const latents = encoder.apply(image) as tf.Tensor2D;
  const away = latents.expandDims(1).sub(tf.tensor2d(means)).square().sum(2);
  return Array.from(away.argMin(1).dataSync());
}

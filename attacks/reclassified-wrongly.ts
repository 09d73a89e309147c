import * as tf from '@tensorflow/tfjs';
import { noMoments } from './adam.ts';
import { adamDirection } from './adam-direction.ts';
import { type Budget, projected } from './ball.ts';
import { latentRatios, logRatios } from './joint-loss.ts';
import { type Search, searchFrom, searchOn } from './latent-search.ts';
import { column, cosineDecay } from './row-tensors.ts';
import type { Rows } from './rows.ts';
import { tensorOf, type Victim } from './victim.ts';

export interface ReclassifiedOptions {
  steps: number;
  /** how many times the target's error the true class's is to have */
  minMargin: number;
}

/** Steps of the search before the image moves, and with each of its steps. */
const SEARCH = { before: 32, each: 2 };
/** Of the radius: the length of the first step, and of the last. */
const STEP = { first: 0.2, last: 0.01 };
/** Each test is to be passed by so much, as a logarithm: the exported search does not come to quite the same latents. */
const SPARE = 0.03;
/** Of the smooth maximum over the tests. */
const SHARPNESS = 10;

/**
 * Images that the edge rejects and that the search of Eq. 9 takes for their target. The search is an optimisation within the attack: with z_t and z_y the latents
 * that explain the image best as target and as what it is, the derivative of ||g(z_t) - x||^2 - ||g(z_y) - x||^2 by x is 2 (g(z_y) - g(z_t)), whatever z do
 * (envelope theorem): both are searched on as the image moves.
 *
 * @param rows from the image itself, or from elsewhere
 * @param labels the true class of each row
 * @returns of each row the image of least loss; the verdict is the exported graphs'
 */
export function reclassifiedWrongly(
  victim: Victim,
  rows: Rows,
  labels: readonly number[],
  { norm, eps }: Budget,
  { steps, minMargin }: ReclassifiedOptions,
): Float32Array {
  const { targets } = rows;
  const origin = tensorOf(victim, rows.origins);
  let image = tf.tidy(() => projected(tensorOf(victim, rows.starts), origin, norm, eps));
  let best = image.clone();
  const least = targets.map(() => Number.POSITIVE_INFINITY);
  let moments = noMoments(image);
  let searches = [targets, labels].map((classes) => searchOn(victim, image, searchFrom(meansOf(victim, classes)), SEARCH.before)) as [
    Search,
    Search,
  ];
  for (let step = 0; step <= steps; step++) {
    const { losses, gradients } = look(victim, image, targets, searches, minMargin);
    const better = targets.map((_, i) => (losses[i] as number) < (least[i] as number));
    for (const [i, is] of better.entries()) if (is) least[i] = losses[i] as number;
    const moved = adamDirection(gradients, moments, norm);
    const [next, kept] = tf.tidy(() => {
      const onwards = image.sub(moved.direction.mul(eps * cosineDecay(STEP, step / steps))) as tf.Tensor4D;
      const kept = tf.where(column(better.map(Number)).cast('bool'), image, best) as tf.Tensor4D;
      return [projected(onwards, origin, norm, eps), kept] as const;
    });
    tf.dispose([image, best, gradients, moved.direction, moments.mean, moments.square]);
    [image, best, moments] = [next, kept, moved.moments];
    searches = searches.map((search) => searchOn(victim, image, search, SEARCH.each)) as [Search, Search];
  }
  const images = best.dataSync() as Float32Array;
  tf.dispose([origin, image, best, moments.mean, moments.square]);
  for (const { latents, mean, square } of searches) tf.dispose([latents, mean, square]);
  return images;
}

const meansOf = ({ means }: Victim, classes: readonly number[]) => tf.tensor2d(classes.map((label) => [...(means[label] as number[])]));

/** The losses and their gradients by the images, the latents held: below -SPARE where all that is wanted is so. */
function look(victim: Victim, image: tf.Tensor4D, targets: number[], [target, truth]: [Search, Search], minMargin: number) {
  return tf.tidy(() => {
    const as = [target, truth].map(({ latents }) => victim.decoder.apply(latents) as tf.Tensor4D) as [tf.Tensor4D, tf.Tensor4D];
    // Of the target's latent, which does not depend on the image while it is held.
    const held = latentRatios(victim, target.latents, targets);
    const nearest = nearestOf(victim, image);
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
      const [wanted, other] = as.map((made) => tf.squaredDifference(x, made).sum([1, 2, 3]).add(1e-12)) as [tf.Tensor1D, tf.Tensor1D];
      const tests = [
        wanted.log().sub(other.log()).add(Math.log(minMargin)),
        ...errorRatios(victim, x as tf.Tensor4D, wanted, targets),
        // Rejected at the edge: one test at least is not passed.
        logRatios(victim, x as tf.Tensor4D, nearest)
          .slice([0, 1])
          .max(1)
          .neg(),
        ...held,
      ];
      const worst = tf.stack(tests, 1).add(SPARE).mul(SHARPNESS).logSumExp(1).div(SHARPNESS);
      // A little of the margin in any case, as what is far from it is not told by the smooth maximum of what matters more.
      return worst.add((tests[0] as tf.Tensor).mul(0.1)) as tf.Tensor1D;
    })(image, tf.ones([image.shape[0]]));
    return { losses: value.dataSync() as Float32Array, gradients: grad as tf.Tensor4D };
  });
}

/** log(error / threshold) of both tests on the reconstruction. */
function errorRatios({ thresholds, relativeErrorOffset }: Victim, x: tf.Tensor4D, errors: tf.Tensor1D, targets: number[]): tf.Tensor[] {
  const { maxReconstructionError, maxRelativeError } = thresholds;
  const limit = (of: readonly number[]) => tf.tensor1d(targets.map((label) => Math.log(Math.max(of[label] as number, 1e-12))));
  const ratios: tf.Tensor[] = [errors.log().sub(limit(maxReconstructionError))];
  if (maxRelativeError) {
    const energy = x.square().sum([1, 2, 3]).add(relativeErrorOffset);
    ratios.push(errors.div(energy).log().sub(limit(maxRelativeError)));
  }
  return ratios;
}

/** The class that the edge takes each image for. */
function nearestOf({ encoder, means }: Victim, image: tf.Tensor4D): number[] {
  const latents = encoder.apply(image) as tf.Tensor2D;
  const away = latents.expandDims(1).sub(tf.tensor2d(means)).square().sum(2);
  return Array.from(away.argMin(1).dataSync());
}

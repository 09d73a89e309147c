import * as tf from '@tensorflow/tfjs';
import { projectToBall, steepest, withinRange } from '../../attacks/steps/projection.ts';
import { ownClasses, squaredDistances } from './robust-loss.ts';

/** The attacked images of a batch as tensors; row i of each belongs to image i. */
export interface Attacked {
  /** [M, H, W, C] in [0, 1] */
  images: tf.Tensor4D;
  /** [M, H, W, C] */
  starts: tf.Tensor4D;
  /** mu_y of an image of a class, the origin for an outlier: [M, d] */
  targets: tf.Tensor2D;
  /** 1 for an image of a class, 0 for an outlier: [M] */
  genuine: tf.Tensor1D;
  /** In the units of each row's norm: [M] */
  radii: tf.Tensor1D;
  /** Length of the first step as a share of the radius: [M] */
  stepLengths: tf.Tensor1D;
  /** The first radius of a ball that shrinks (`shrinking-attack.ts`), as a multiple of the radius: [M] */
  reaches: tf.Tensor1D;
  /** 1 for l2, 0 for linf: [M] */
  isL2: tf.Tensor1D;
  /** 1 where only the quarter of the values with the largest gradients moves: [M] */
  isSparse: tf.Tensor1D;
  /** The class to go to, -1 for whichever is nearest: [M] */
  goals: tf.Tensor1D;
}

export interface InnerAttackOptions {
  /** The class means, [k, d] */
  means: tf.Tensor2D;
  temperature: number;
  steps: number;
}

/** Weight of the distance from the image's own class, beside the nearness to another. */
const AWAY = 0.3;
const SPARSE_SHARE = 1 / 4;

/**
 * Attacks the encoder from each row's start, by steepest ascent within its ball (`innerGradient`). Values at 0 or 1 that a step would push
 * out of [0, 1] stay, and the others share its length. The steps get shorter: step k of K has the length (1 - k / K) stepLength radius.
 *
 * @returns [M, H, W, C] within the balls and in [0, 1]; call it inside tf.tidy
 */
export function innerAttack(encoder: tf.LayersModel, attacked: Attacked, options: InnerAttackOptions): tf.Tensor4D {
  const { images, starts, isL2 } = attacked;
  const { steps } = options;
  const column = (values: tf.Tensor1D) => values.reshape([-1, 1, 1, 1]) as tf.Tensor4D;
  const [radii, l2] = [column(attacked.radii), column(isL2).greater(0)];
  const project = (moved: tf.Tensor4D) =>
    tf.where(l2, projectToBall(moved, images, 'l2', radii), projectToBall(moved, images, 'linf', radii)) as tf.Tensor4D;
  const gradientOf = innerGradient(encoder, attacked, options);
  let image = project(starts);
  for (let step = 0; step < steps; step++) {
    const before = image;
    image = tf.tidy(() => {
      const gradient = gradientOf(before);
      const direction = tf.where(l2, steepest(gradient, 'l2'), steepest(gradient, 'linf')) as tf.Tensor4D;
      const length = radii.mul(column(attacked.stepLengths)).mul(1 - step / steps);
      return project(before.add(direction.mul(length)) as tf.Tensor4D);
    });
    before.dispose();
  }
  return image;
}

/**
 * Returns the gradient of what inner attacks maximise, by the images, as far as it can be followed: 0 where it leaves [0, 1], and of a
 * sparse row where it is not among the largest. With d_t = ||f(x) - mu_t||^2 and temperature T the objective is
 * log sum_{t != y} exp(-d_t / T) + .3 d_y for an image of class y, log sum_t exp(-d_t / T) for an outlier, and -d_t / T towards a goal t,
 * which leads on from where no class is near and the first two are flat.
 */
export function innerGradient(
  encoder: tf.LayersModel,
  { targets, genuine, goals: goalClasses, isSparse }: Attacked,
  { means, temperature }: Omit<InnerAttackOptions, 'steps'>,
): (images: tf.Tensor4D) => tf.Tensor4D {
  const own = ownClasses(targets, means);
  const hasGoal = goalClasses.greaterEqual(0);
  // All 0 for -1.
  const goals = tf.oneHot(goalClasses.toInt(), means.shape[0]);
  const gradientOf = tf.grad((x: tf.Tensor) => {
    const distances = squaredDistances(encoder.apply(x, { training: true }) as tf.Tensor2D, means);
    const nearness = distances.div(-temperature);
    const toAny = nearness.sub(own.mul(1e9)).logSumExp(1).add(distances.mul(own).sum(1).mul(genuine).mul(AWAY));
    return tf.where(hasGoal, nearness.mul(goals).sum(1), toAny).sum() as tf.Scalar;
  });
  return (images) => strongest(withinRange(gradientOf(images) as tf.Tensor4D, images), isSparse);
}

/** Sets the gradient to 0 where it is not among an image's largest, for the rows of which only those move. */
function strongest(gradients: tf.Tensor4D, isSparse: tf.Tensor1D): tf.Tensor4D {
  const size = gradients.size / gradients.shape[0];
  const count = Math.ceil(SPARSE_SHARE * size);
  const magnitudes = gradients.abs().reshape([-1, size]);
  const least = tf
    .topk(magnitudes, count)
    .values.slice([0, count - 1], [-1, 1])
    .mul(isSparse.expandDims(1));
  return gradients.mul(magnitudes.greaterEqual(least).cast('float32').reshape(gradients.shape));
}

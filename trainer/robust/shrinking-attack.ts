import * as tf from '@tensorflow/tfjs';
import { projectToBall, steepest } from '../../attacks/steps/projection.ts';
import { shrunkenRadii } from '../../attacks/steps/shrinking-ball.ts';
import { type Attacked, type InnerAttackOptions, innerGradient } from './inner-attack.ts';

/** Share of the step's length that is left once the ball has its last radius. */
const LAST_STEPS = 0.5;

/**
 * Attacks the encoder in l2 within a ball that shrinks. The start, projected onto a ball of reach times the radius, climbs the objective of
 * `innerAttack`; step k of K has the length stepLength r_k and ends in the ball of radius r_k = reach^(1 - q) radius, with
 * q = min(1, (k + 1) / (shrinkShare K)), and half of that length where q = 1.
 *
 * @param shrinkShare share of the steps after which the ball has its last radius
 * @returns [M, H, W, C] within the balls of the last radii and in [0, 1]; call it inside tf.tidy
 */
export function shrinkingAttack(
  encoder: tf.LayersModel,
  attacked: Attacked,
  { shrinkShare, ...options }: InnerAttackOptions & { shrinkShare: number },
): tf.Tensor4D {
  const { steps } = options;
  const column = (values: tf.Tensor1D) => values.reshape([-1, 1, 1, 1]) as tf.Tensor4D;
  const [radii, reaches, stepLengths] = [attacked.radii, attacked.reaches, attacked.stepLengths].map(column) as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor4D,
  ];
  const gradientOf = innerGradient(encoder, attacked, options);
  let image = projectToBall(attacked.starts, attacked.images, 'l2', shrunkenRadii(radii, reaches, 0));
  for (let step = 0; step < steps; step++) {
    const before = image;
    image = tf.tidy(() => {
      const share = Math.min(1, (step + 1) / (shrinkShare * steps));
      const radius = shrunkenRadii(radii, reaches, share);
      const length = radius.mul(stepLengths).mul(share < 1 ? 1 : LAST_STEPS);
      const moved = before.add(steepest(gradientOf(before), 'l2').mul(length)) as tf.Tensor4D;
      return projectToBall(moved, attacked.images, 'l2', radius);
    });
    before.dispose();
  }
  return image;
}

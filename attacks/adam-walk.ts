import * as tf from '@tensorflow/tfjs';
import { noMoments } from './adam.ts';
import { adamDirection } from './adam-direction.ts';
import type { Budget } from './ball.ts';
import { cosineDecay, gathered } from './row-tensors.ts';
import type { Walk } from './walk.ts';

/** Length of the first and of the last step, of the radius. */
const STEP = { first: 0.2, last: 0.005 };

/** Adam's direction, with steps that get shorter. */
export function adamWalk(start: tf.Tensor4D, { norm, eps }: Budget, steps: number): Walk {
  let moments = noMoments(start);
  return {
    step({ image }, { gradients }, step) {
      const { direction, moments: next } = adamDirection(gradients, moments, norm);
      tf.dispose([moments.mean, moments.square]);
      moments = { ...next, mean: tf.keep(next.mean), square: tf.keep(next.square) };
      return image.sub(direction.mul(eps * cosineDecay(STEP, step / steps))) as tf.Tensor4D;
    },
    keep(rows) {
      moments = { steps: moments.steps, ...gathered({ mean: moments.mean, square: moments.square }, rows) };
    },
    dispose: () => tf.dispose([moments.mean, moments.square]),
  };
}

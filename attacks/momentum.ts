import * as tf from '@tensorflow/tfjs';
import { projected, signOf } from './ball.ts';
import { encoderGradient } from './encoder-loss.ts';
import { tensorOf, type Victim } from './victim.ts';

export interface StepOptions {
  /** radius in the maximum norm */
  eps: number;
  /** length of a step in the maximum norm */
  step: number;
  steps: number;
}

/** The defaults of cleverhans, which the paper used. */
export const MOMENTUM_DEFAULTS: StepOptions = { eps: 0.3, step: 0.06, steps: 10 };

/**
 * Momentum iterative method (Dong et al., CVPR 2018; decay 1) on the encoder: the gradients, each divided by its mean absolute value, are
 * added up; their sign is the step.
 *
 * @param images [N, H, W, C] flat
 * @param labels the true classes
 */
export function momentumIterative(victim: Victim, images: Float32Array, labels: number[], { eps, step, steps }: StepOptions): Float32Array {
  const origin = tensorOf(victim, images);
  let [image, momentum] = [origin.clone(), tf.zerosLike(origin)];
  for (let i = 0; i < steps; i++) {
    const [next, sum] = tf.tidy(() => {
      const gradients = encoderGradient(victim, image, labels);
      const grown = momentum.add(gradients.div(gradients.abs().mean([1, 2, 3], true).add(1e-30))) as tf.Tensor4D;
      return [projected(image.add(signOf(grown).mul(step)) as tf.Tensor4D, origin, 'linf', eps), grown] as const;
    });
    tf.dispose([image, momentum]);
    [image, momentum] = [next, sum];
  }
  const attacked = image.dataSync() as Float32Array;
  tf.dispose([origin, image, momentum]);
  return attacked;
}

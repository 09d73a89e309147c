import type * as tf from '@tensorflow/tfjs';
import { adam, type Betas, type Moments } from './adam.ts';
import { type Norm, steepest, toScale } from './ball.ts';

const BETAS: Betas = [0.9, 0.99];

/**
 * Where Adam would go, as a change of about length 1: within 1 of each value for linf, of length 1 for l2. Smoother than the sign alone,
 * which on the joint decision jumps between its tests.
 *
 * @returns the change, and the moments in place of the old ones, all to be disposed of by the caller
 */
export function adamDirection(gradients: tf.Tensor4D, before: Moments, norm: Norm): { direction: tf.Tensor4D; moments: Moments } {
  // Each image's gradients to scale: they fall by orders of magnitude on the way.
  const scaled = toScale(gradients);
  const { change, moments } = adam(scaled, before, BETAS);
  scaled.dispose();
  if (norm === 'linf') return { direction: change, moments };
  const direction = steepest(change, norm);
  change.dispose();
  return { direction, moments };
}

import * as tf from '@tensorflow/tfjs';
import type { GradientModel } from '../attack.ts';
import { adam, type Betas, type Moments, noMoments } from './adam.ts';

/** The options of the exported search. */
const LEARNING_RATE = 0.03;
const BETAS: Betas = [0.9, 0.999];

/** Latents on their way to the best explanations of some images as one class each: Eq. 9. */
export interface Search extends Moments<tf.Tensor2D> {
  /** Means of the classes, [N, d]. */
  means: tf.Tensor2D;
  latents: tf.Tensor2D;
}

/** Starts a search from the means of classes, [N, d], which belong to it from then on. */
export function searchFrom(means: tf.Tensor2D): Search {
  return { means, latents: means.clone(), ...noMoments(means) };
}

/** Returns the prior's part of the objective, lambda ||z - mu||^2, [N]. */
export const priorOf = ({ search }: Pick<GradientModel, 'search'>, { means }: Pick<Search, 'means'>, latents: tf.Tensor) =>
  tf.squaredDifference(latents, means).sum(1).mul(search.priorWeight) as tf.Tensor1D;

/**
 * Continues a search by Adam on ||g(z) - x||^2 + lambda ||z - mu||^2, each latent on its own. The exported search takes the smallest over all
 * classes.
 *
 * @param images [N, H, W, C]
 * @returns the search after `steps` more, in place of the given one
 */
export function searchOn(model: Pick<GradientModel, 'decoder' | 'search'>, images: tf.Tensor4D, search: Search, steps: number): Search {
  let now = search;
  const objectiveOf = (z: tf.Tensor) => {
    const errors = tf.squaredDifference(model.decoder.apply(z) as tf.Tensor4D, images).sum();
    return errors.add(priorOf(model, search, z).sum()) as tf.Scalar;
  };
  for (let i = 0; i < steps; i++) {
    const gradients = tf.tidy(() => tf.grad(objectiveOf)(now.latents) as tf.Tensor2D);
    const { step, moments } = adam(gradients, now, BETAS);
    const latents = tf.tidy(() => now.latents.sub(step.mul(LEARNING_RATE)) as tf.Tensor2D);
    tf.dispose([now.latents, now.mean, now.square, gradients, step]);
    now = { means: search.means, latents, ...moments };
  }
  return now;
}

import * as tf from '@tensorflow/tfjs';
import type { GradientModel } from '../attack.ts';
import { adam, type Betas, type Moments, noMoments } from './adam.ts';

/** The options of the exported search. */
const LEARNING_RATE = 0.03;
const BETAS: Betas = [0.9, 0.999];

/** Latents on their way to the reconstructions that are nearest to some images: Eq. 9. */
export interface Search extends Moments<tf.Tensor2D> {
  latents: tf.Tensor2D;
}

/** @param latents [N, d]; the search disposes of them */
export function searchFrom(latents: tf.Tensor2D): Search {
  return { latents, ...noMoments(latents) };
}

/**
 * Continues a search by Adam on ||g(z) - x||^2, each latent on its own.
 *
 * @param images [N, H, W, C]
 * @returns the search after `steps` more, in place of the given one
 */
export function searchOn({ decoder }: Pick<GradientModel, 'decoder'>, images: tf.Tensor4D, search: Search, steps: number): Search {
  let now = search;
  for (let i = 0; i < steps; i++) {
    const errorOf = (z: tf.Tensor) => tf.squaredDifference(decoder.apply(z) as tf.Tensor4D, images).sum();
    const gradients = tf.tidy(() => tf.grad(errorOf)(now.latents) as tf.Tensor2D);
    const { step, moments } = adam(gradients, now, BETAS);
    const latents = tf.tidy(() => now.latents.sub(step.mul(LEARNING_RATE)) as tf.Tensor2D);
    tf.dispose([now.latents, now.mean, now.square, gradients, step]);
    now = { latents, ...moments };
  }
  return now;
}

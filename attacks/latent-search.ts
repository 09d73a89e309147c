import * as tf from '@tensorflow/tfjs';
import { adam, type Betas, type Moments, noMoments } from './adam.ts';
import type { Victim } from './victim.ts';

/** As the exported search. */
const LEARNING_RATE = 0.03;
const BETAS: Betas = [0.9, 0.999];

/** Latents on their way to where their reconstructions are nearest to images: Eq. 9. */
export interface Search extends Moments<tf.Tensor2D> {
  latents: tf.Tensor2D;
}

/** @param latents [N, d]; from now on the search's own */
export function searchFrom(latents: tf.Tensor2D): Search {
  return { latents, ...noMoments(latents) };
}

/**
 * Adam on ||g(z) - x||^2, each latent on its own.
 *
 * @param images [N, H, W, C]
 * @returns the search gone on, in place of the given one
 */
export function searchOn({ decoder }: Pick<Victim, 'decoder'>, images: tf.Tensor4D, search: Search, steps: number): Search {
  let now = search;
  for (let i = 0; i < steps; i++) {
    const errorOf = (z: tf.Tensor) => tf.squaredDifference(decoder.apply(z) as tf.Tensor4D, images).sum();
    const gradients = tf.tidy(() => tf.grad(errorOf)(now.latents) as tf.Tensor2D);
    const { change, moments } = adam(gradients, now, BETAS);
    const latents = tf.tidy(() => now.latents.sub(change.mul(LEARNING_RATE)) as tf.Tensor2D);
    tf.dispose([now.latents, now.mean, now.square, gradients, change]);
    now = { latents, ...moments };
  }
  return now;
}

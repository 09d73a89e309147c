import * as tf from '@tensorflow/tfjs';
import type { Victim } from './victim.ts';

/** As the exported search. */
const LEARNING_RATE = 0.03;
const [BETA1, BETA2] = [0.9, 0.999];

/** Latents on their way to where their reconstructions are nearest to images: Eq. 9. */
export interface Search {
  latents: tf.Tensor2D;
  mean: tf.Tensor2D;
  square: tf.Tensor2D;
  steps: number;
}

/** @param latents [N, d]; from now on the search's own */
export function searchFrom(latents: tf.Tensor2D): Search {
  return { latents, mean: tf.zerosLike(latents), square: tf.zerosLike(latents), steps: 0 };
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
    const count = now.steps + 1;
    const [latents, mean, square] = tf.tidy(() => {
      const errorOf = (z: tf.Tensor) => tf.squaredDifference(decoder.apply(z) as tf.Tensor4D, images).sum();
      const gradients = tf.grad(errorOf)(now.latents);
      const mean = now.mean.mul(BETA1).add(gradients.mul(1 - BETA1)) as tf.Tensor2D;
      const square = now.square.mul(BETA2).add(gradients.square().mul(1 - BETA2)) as tf.Tensor2D;
      const deviation = square
        .div(1 - BETA2 ** count)
        .sqrt()
        .add(1e-8);
      const by = mean.div(1 - BETA1 ** count).div(deviation);
      return [now.latents.sub(by.mul(LEARNING_RATE)) as tf.Tensor2D, mean, square] as const;
    });
    tf.dispose([now.latents, now.mean, now.square]);
    now = { latents, mean, square, steps: count };
  }
  return now;
}

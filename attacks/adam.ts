import * as tf from '@tensorflow/tfjs';

/** Averages of the gradients and of their squares, over so many steps. */
export interface Moments<Of extends tf.Tensor = tf.Tensor4D> {
  steps: number;
  mean: Of;
  square: Of;
}

/** How much of the two averages each step keeps. */
export type Betas = readonly [number, number];

const TINY = 1e-8;

export function noMoments<Of extends tf.Tensor>(at: Of): Moments<Of> {
  return { steps: 0, mean: tf.zerosLike(at), square: tf.zerosLike(at) };
}

/**
 * Adam (Kingma and Ba, ICLR 2015, Algorithm 1): the average gradient over the root of the average square, both freed of their start at 0.
 *
 * @returns the change against which to go, times a learning rate, and the moments in place of the old ones; all to be disposed of by the caller
 */
export function adam<Of extends tf.Tensor>(
  gradients: Of,
  before: Moments<Of>,
  [beta1, beta2]: Betas,
): { change: Of; moments: Moments<Of> } {
  const steps = before.steps + 1;
  const [change, mean, square] = tf.tidy(() => {
    const mean = before.mean.mul(beta1).add(gradients.mul(1 - beta1)) as Of;
    const square = before.square.mul(beta2).add(gradients.square().mul(1 - beta2)) as Of;
    const deviation = square
      .div(1 - beta2 ** steps)
      .sqrt()
      .add(TINY);
    return [mean.div(1 - beta1 ** steps).div(deviation) as Of, mean, square] as [Of, Of, Of];
  });
  return { change, moments: { steps, mean, square } };
}

import * as tf from '@tensorflow/tfjs';

export interface AdamOptions {
  steps: number;
  learningRate: number;
}

/**
 * Minimises a loss of images by Adam (Kingma and Ba, 2015), each image on its own.
 *
 * @param start [N, H, W, C]; kept
 * @param lossOf [N, H, W, C] → [N]
 * @param constrained brings images back to where they may be
 * @param seen is shown each step's images before they move; it keeps none
 * @returns the last images, to be disposed of by the caller
 */
export function withAdam(
  start: tf.Tensor4D,
  { steps, learningRate }: AdamOptions,
  lossOf: (images: tf.Tensor4D) => tf.Tensor1D,
  constrained: (images: tf.Tensor4D) => tf.Tensor4D,
  seen: (images: tf.Tensor4D) => void = () => {},
): tf.Tensor4D {
  // Shorter than Adam's own memory (.999): at a wrong class's border gradients fall by orders of magnitude, and would be measured by the first ones.
  const [beta1, beta2] = [0.9, 0.98];
  let state = [start.clone(), tf.zerosLike(start), tf.zerosLike(start)] as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  for (let step = 1; step <= steps; step++) {
    const [images, first, second] = state;
    seen(images);
    state = tf.tidy(() => {
      const gradients = tf.grad((x) => lossOf(x as tf.Tensor4D).sum())(images);
      const mean = first.mul(beta1).add(gradients.mul(1 - beta1)) as tf.Tensor4D;
      const square = second.mul(beta2).add(gradients.square().mul(1 - beta2)) as tf.Tensor4D;
      const by = mean.div(1 - beta1 ** step).div(
        square
          .div(1 - beta2 ** step)
          .sqrt()
          .add(1e-8),
      );
      return [constrained(images.sub(by.mul(learningRate)) as tf.Tensor4D), mean, square];
    });
    tf.dispose([images, first, second]);
  }
  const [images, ...moments] = state;
  seen(images);
  tf.dispose(moments);
  return images;
}

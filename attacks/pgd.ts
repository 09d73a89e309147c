import * as tf from '@tensorflow/tfjs';
import { type Attack, type EncoderModel, oneOfEach } from './attack.ts';
import { crossEntropyGradient } from './losses/cross-entropy.ts';
import { projectToBall, randomInBall, signOf } from './steps/projection.ts';
import { sizeOf, tensorOf, valuesOf } from './tensors.ts';

/** The options of cleverhans: a step length at one radius, which grows and shrinks with the radius. */
const DEFAULTS = { radius: 0.3, step: 0.01, steps: 40 };

/**
 * Projected gradient descent (Madry et al., ICLR 2018) on the encoder, from a random point of the ball. The defaults are those of
 * cleverhans, which the paper used.
 */
export const pgd = ({ radius: reference, step, steps } = DEFAULTS): Attack<EncoderModel> => ({
  name: 'PGD',
  ...{ knowledge: 'white-box', norm: 'linf', kind: 'fixed radius', cost: steps, counts: 'every', source: import.meta.url },
  about:
    'projected gradient descent on the encoder from a random start, ' +
    `${steps} steps of ${((100 * step) / reference).toFixed(1)} % of the radius`,
  run: async (model, images, labels, radius, seeds) => {
    const origin = tensorOf(model, images);
    const start = randomInBall(images, sizeOf(model.input), seeds, radius);
    let image = tf.tidy(() => projectToBall(tensorOf(model, start), origin, 'linf', radius));
    for (let i = 0; i < steps; i++) {
      const next = tf.tidy(() => {
        const moved = image.add(signOf(crossEntropyGradient(model, image, labels)).mul((step * radius) / reference)) as tf.Tensor4D;
        return projectToBall(moved, origin, 'linf', radius);
      });
      image.dispose();
      image = next;
    }
    return oneOfEach(valuesOf(image, origin), labels);
  },
});

import * as tf from '@tensorflow/tfjs';
import { type Attack, type EncoderModel, oneOfEach } from './attack.ts';
import { crossEntropyGradient } from './losses/cross-entropy.ts';
import { projectToBall, signOf } from './steps/projection.ts';
import { tensorOf, valuesOf } from './tensors.ts';

/** The options of cleverhans: a step length at one radius, which grows and shrinks with the radius. */
const DEFAULTS = { radius: 0.3, step: 0.06, steps: 10 };

/**
 * The momentum iterative method (Dong et al., CVPR 2018; decay 1) on the encoder. Gradients, each divided by its mean absolute value, are
 * added up; the sign of the sum is the step. The defaults are those of cleverhans, which the paper used.
 */
export const momentum = ({ radius: reference, step, steps } = DEFAULTS): Attack<EncoderModel> => ({
  name: 'momentum iterative',
  ...{ knowledge: 'white-box', norm: 'linf', kind: 'fixed radius', cost: steps, counts: 'every', source: import.meta.url },
  about: `momentum iterative method on the encoder, ${steps} steps of ${((100 * step) / reference).toFixed(1)} % of the radius`,
  run: async (model, images, labels, radius) => {
    const origin = tensorOf(model, images);
    let [image, sum] = [origin.clone(), tf.zerosLike(origin)];
    for (let i = 0; i < steps; i++) {
      const [next, grown] = tf.tidy(() => {
        const gradients = crossEntropyGradient(model, image, labels);
        const grown = sum.add(gradients.div(gradients.abs().mean([1, 2, 3], true).add(1e-30))) as tf.Tensor4D;
        const moved = image.add(signOf(grown).mul((step * radius) / reference)) as tf.Tensor4D;
        return [projectToBall(moved, origin, 'linf', radius), grown] as const;
      });
      tf.dispose([image, sum]);
      [image, sum] = [next, grown];
    }
    return oneOfEach(valuesOf(image, origin, sum), labels);
  },
});

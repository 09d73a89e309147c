import * as tf from '@tensorflow/tfjs';
import { randomFrom } from '../shared/random.ts';
import type { Attack, GradientModel } from './attack.ts';
import { MOST_TARGETS } from './rows.ts';
import { type AdamOptions, minimise } from './steps/adam.ts';
import { concatImages, selectImages, sizeOf, tensorOf, valuesOf } from './tensors.ts';

/** Weights of the two terms of the decision against the size of the perturbation: a and b of Eq. 10. */
interface PaperOptions extends AdamOptions {
  a: number;
  b: number;
}

const shared = { knowledge: 'white-box', kind: 'unconstrained', counts: 'every', targeted: true, source: import.meta.url } as const;

/** The wrong classes that Eq. 10 tries for an image: those after its own, in turn. */
const targetsOf = (label: number, classes: number) =>
  Array.from({ length: Math.min(MOST_TARGETS, classes - 1) }, (_, j) => (label + 1 + j) % classes);

/**
 * The paper's targeted white-box attack, Eq. 10 as we read it: Adam on eta, from 0, for
 * ||eta||^2 + a ||f(x + eta) - mu_t||^2 + b ||x + eta - g(f(x + eta))||^2, with images clipped to [0, 1].
 */
export const eq10 = (options: PaperOptions = { a: 100, b: 2, steps: 300, learningRate: 0.01 }): Attack<GradientModel> => ({
  name: 'Eq. 10',
  ...{ ...shared, norm: 'l2', cost: options.steps },
  about:
    `Adam on eta from 0, a = ${options.a}, b = ${options.b}, ${options.steps} steps, ` +
    `at most ${MOST_TARGETS} targets an image; each target is an outcome of its own`,
  run: async (model, images, labels) => {
    const targets = labels.map((label) => targetsOf(label, model.means.length));
    const of = targets.flatMap((own, i) => own.map(() => i));
    const origin = tensorOf(model, selectImages(images, of, sizeOf(model.input)));
    const lossOf = (x: tf.Tensor4D) =>
      tf
        .squaredDifference(x, origin)
        .sum([1, 2, 3])
        .add(decisionLoss(model, x, targets.flat(), options)) as tf.Tensor1D;
    return { images: valuesOf(minimise(origin, options, lossOf), origin), of, targets: targets.flat() };
  },
});

/**
 * The paper's fooling images, Eq. 11: a ||f(x) - mu_t||^2 + b ||x - g(f(x))||^2 by Adam, from uniform noise and for every class. Nothing
 * keeps the image near another one: `images` and `labels` are ignored, each seed draws its own noise.
 */
export const eq11 = (options: PaperOptions = { a: 100, b: 2, steps: 300, learningRate: 0.02 }): Attack<GradientModel> => ({
  name: 'Eq. 11',
  ...{ ...shared, norm: null, cost: options.steps },
  about:
    `Adam from uniform noise, a = ${options.a}, b = ${options.b}, ${options.steps} steps, each class; ` +
    'to be accepted as anything is an error',
  run: async (model, _images, _labels, _radius, seeds) => {
    const size = sizeOf(model.input);
    const of = seeds.flatMap((_, i) => model.means.map(() => i));
    const targets = seeds.flatMap(() => model.means.map((_, target) => target));
    const noise = seeds.map((seed) => {
      const random = randomFrom(seed, 'fooling');
      return Float32Array.from({ length: size }, () => random.uniform());
    });
    const start = tensorOf(model, concatImages(of.map((i) => noise[i] as Float32Array)));
    return {
      images: valuesOf(
        minimise(start, options, (x) => decisionLoss(model, x, targets, options)),
        start,
      ),
      of,
      targets,
    };
  },
});

function decisionLoss(
  { encoder, decoder, means }: GradientModel,
  images: tf.Tensor4D,
  targets: number[],
  { a, b }: PaperOptions,
): tf.Tensor1D {
  const latents = encoder.apply(images) as tf.Tensor2D;
  const mean = tf.tensor2d(targets.map((target) => means[target] as number[]));
  const distances = tf.squaredDifference(latents, mean).sum(1);
  const errors = tf.squaredDifference(images, decoder.apply(latents) as tf.Tensor4D).sum([1, 2, 3]);
  return distances.mul(a).add(errors.mul(b)) as tf.Tensor1D;
}

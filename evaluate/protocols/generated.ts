import * as tf from '@tensorflow/tfjs';
import type { GradientModel } from '../../attacks/attack.ts';
import { concatenated } from '../../attacks/tensors.ts';
import { randomFrom } from '../../shared/random.ts';
import { deviationsOf } from '../../trainer/covariances.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { frechetDistance } from './frechet.ts';
import type { Outcome } from './outcome.ts';
import { descriptorOf } from './outcome.ts';
import { common } from './parts.ts';
import { outputsOf, trainPlainClassifier } from './plain-classifier.ts';
import type { Protocol } from './protocol.ts';
import { screened } from './screen.ts';
import type { Setup } from './setup.ts';

/** Decoded at once. */
const AT_ONCE = 100;

/**
 * Decodes samples from N(mu_y, Sigma_y); of a full covariance it takes the diagonal.
 *
 * @param labels y of each
 * @param seeds one for each sample
 * @returns [N, H, W, C] flat
 */
export function generated({ decoder, means, covariances }: GradientModel, labels: number[], seeds: number[]): Float32Array {
  const latents = labels.map((y, i) => {
    const random = randomFrom(seeds[i] as number, 'generated');
    const mean = means[y] as number[];
    const deviations = deviationsOf(covariances, y, mean.length);
    return mean.map((value, j) => value + (deviations[j] as number) * random.normal());
  });
  const parts: Float32Array[] = [];
  for (let first = 0; first < latents.length; first += AT_ONCE)
    parts.push(tf.tidy(() => (decoder.apply(tf.tensor2d(latents.slice(first, first + AT_ONCE))) as tf.Tensor).dataSync() as Float32Array));
  return concatenated(parts);
}

/** Screens samples of the classes in turn; right is to be accepted as its class. */
function screenedSamples(setup: Setup, numbers: number[], seeds: number[]): Promise<Outcome[]> {
  const truths = numbers.map((number) => number % setup.screening.classes.length);
  return screened(setup, { attack: 'generated images', images: generated(setup.model, truths, seeds), numbers, truths });
}

export const figure2: Protocol = {
  name: 'figure2',
  source: import.meta.url,
  about: 'images generated from the Gaussian of each class (paper, figure 2): are they taken for their class?',
  parts: (screening, { images = 1000 }) => [
    {
      ...common(screening, images, images),
      ...{ name: 'generated images', drawn: true, work: 2, descriptor: descriptorOf({ images: 'other' }), sources: [import.meta.url] },
      about: `${images} samples from the Gaussians of the classes in turn, decoded; accepted as its class is right`,
      run: (setup, { numbers, seeds }) => screenedSamples(setup, numbers, seeds),
    },
  ],
};

/** Of generated images and of test images, as many. */
const SAMPLES = 10_000;

export const fid: Protocol = {
  name: 'fid',
  source: import.meta.url,
  about:
    "Frechet distance of 10,000 generated images to the test images in a plain classifier's feature space (constant against variable entropy: run both bundles)",
  parts: (_, { images = SAMPLES, test }) => {
    const count = Math.min(images, test);
    return [
      {
        ...{ name: 'generated images, Frechet distance', images: count, atOnce: count, drawn: true, work: 8 },
        ...{ descriptor: descriptorOf({ images: 'other' }), sources: [import.meta.url] },
        about: `${count} samples from the Gaussians of the classes in turn, decoded: accepted as its class is right; ${count} test images; features: 64, of a plain network trained here`,
        run: (setup, { numbers, seeds }) => screenedSamples(setup, numbers, seeds),
        figures: async (setup, { numbers, seeds }) => {
          const { dataset, screening, seed } = setup;
          const { height, width, channels } = screening.input;
          const { features, logits } = trainPlainClassifier(dataset, seed);
          const featuresOf = (all: Float32Array) => outputsOf(features, all, [height, width, channels]);
          const test = imagesAt(dataset.test, numbers);
          const real = featuresOf(test);
          const truths = numbers.map((number) => number % screening.classes.length);
          const made = generated(setup.model, truths, seeds);
          const order = randomFrom(seed, 'fid').shuffle(Array.from({ length: dataset.train.count }, (_, i) => i));
          const train = featuresOf(imagesAt(dataset.train, order.slice(0, count)));
          const right = outputsOf(logits, made, [height, width, channels]).filter(
            (row, i) => row.indexOf(Math.max(...row)) === truths[i],
          ).length;
          const base = { protocol: 'fid', paper: null };
          return [
            {
              ...base,
              name: 'Frechet distance, generated to test images',
              value: frechetDistance(featuresOf(made), real),
              about: `${count} of each`,
            },
            {
              ...base,
              name: 'Frechet distance, training to test images',
              value: frechetDistance(train, real),
              about: `${count} of each: what is least`,
            },
            {
              ...base,
              name: 'generated images that the plain classifier takes for their class, per cent',
              value: (100 * right) / count,
              about: `${right} of ${count}`,
            },
          ];
        },
      },
    ];
  },
};

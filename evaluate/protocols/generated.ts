import * as tf from '@tensorflow/tfjs';
import type { GradientModel } from '../../attacks/attack.ts';
import { concatImages } from '../../attacks/tensors.ts';
import { randomFrom } from '../../shared/random.ts';
import { deviationsOf } from '../../trainer/covariances.ts';
import type { EvaluationContext } from '../measure/context.ts';
import type { Outcome } from '../measure/outcome.ts';
import { descriptorOf } from '../measure/outcome.ts';
import { partSize } from '../measure/parts.ts';
import type { Protocol } from '../measure/protocol.ts';
import { screenImages } from '../measure/screen.ts';

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
  return concatImages(parts);
}

/** Screens samples of the classes in turn; right is to be accepted as its class. */
export function screenSamples(context: EvaluationContext, numbers: number[], seeds: number[]): Promise<Outcome[]> {
  const truths = numbers.map((number) => number % context.screening.classes.length);
  return screenImages(context, { attack: 'generated images', images: generated(context.model, truths, seeds), numbers, truths });
}

export const figure2: Protocol = {
  name: 'figure2',
  source: import.meta.url,
  about: 'images generated from the Gaussian of each class (paper, figure 2): are they accepted as their class?',
  parts: (screening, { images = 1000 }) => [
    {
      ...partSize(screening, images, images),
      ...{ name: 'generated images', synthetic: true, work: 2, descriptor: descriptorOf({ images: 'other' }), sources: [import.meta.url] },
      about: `${images} samples from the Gaussians of the classes in turn, decoded; accepted as its class is right`,
      run: (context, { numbers, seeds }) => screenSamples(context, numbers, seeds),
    },
  ],
};

import * as tf from '@tensorflow/tfjs';
import type { Victim } from '../../attacks/victim.ts';
import { randomFrom } from '../../shared/random.ts';
import { deviationsOf } from '../../trainer/report/generated.ts';
import type { Protocol } from '../protocol.ts';
import { screened } from '../screened.ts';
import { common } from './gradient-parts.ts';

/** Decoded at once. */
const AT_ONCE = 100;

/**
 * What the decoder makes of samples from N(mu_y, Sigma_y) (of a full covariance its diagonal).
 *
 * @param labels y of each
 * @param seeds of each sample
 * @returns [N, H, W, C] flat
 */
export function generated({ decoder, means, covariances }: Victim, labels: number[], seeds: number[]): Float32Array {
  const latents = labels.map((y, i) => {
    const random = randomFrom(seeds[i] as number, 'generated');
    const mean = means[y] as number[];
    const deviations = deviationsOf(covariances, y, mean.length);
    return mean.map((value, j) => value + (deviations[j] as number) * random.normal());
  });
  const parts: Float32Array[] = [];
  for (let first = 0; first < latents.length; first += AT_ONCE)
    parts.push(tf.tidy(() => (decoder.apply(tf.tensor2d(latents.slice(first, first + AT_ONCE))) as tf.Tensor).dataSync() as Float32Array));
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export const figure2: Protocol = {
  name: 'figure2',
  source: import.meta.url,
  about: 'images generated from the Gaussian of each class (paper, figure 2): are they taken for their class?',
  parts: (screening, { images = 1000 }) => [
    {
      ...common(screening, images, images),
      ...{ name: 'generated images', drawn: true, work: 2 },
      about: `${images} samples from the Gaussians of the classes in turn, decoded; accepted as its class is right`,
      run: (setup, { numbers, seeds }) => {
        const truths = numbers.map((number) => number % screening.classes.length);
        return screened(setup, { attack: 'generated images', images: generated(setup.victim, truths, seeds), numbers, truths });
      },
    },
  ],
};

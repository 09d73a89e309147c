import * as tf from '@tensorflow/tfjs';
import { rivalMargins } from '../../attacks/losses/rival-margin.ts';
import type { Guarantee } from '../../shared/bundle/screening-schema.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { type Dataset, imagesAt, inMemory, labelsAt } from '../../trainer/data/dataset.ts';
import { type Architecture, strided } from '../../trainer/model/architecture.ts';
import { buildModel, type Model } from '../../trainer/model/build-model.ts';

const SIDE = 8;
const LOWEST_CONTRAST = 0.3;

/** Three classes: a bar at the left, in the middle or at the right, of any contrast from 0.3, so that the faintest are near each other. */
export function bars(train: number, test: number): Dataset {
  const random = randomFrom(4, 'bars');
  const images = (count: number) => {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
    const pixels = new Uint8Array(count * SIDE * SIDE);
    for (const [i, label] of labels.entries()) {
      const contrast = LOWEST_CONTRAST + (1 - LOWEST_CONTRAST) * random.uniform();
      for (let at = 0; at < SIDE * SIDE; at++) {
        const isInk = Math.floor((at % SIDE) / 3) === label;
        pixels[i * SIDE * SIDE + at] = Math.round(255 * Math.min(1, 0.1 * random.uniform() + (isInk ? 0.9 * contrast : 0)));
      }
    }
    return inMemory(pixels, labels);
  };
  const input = { height: SIDE, width: SIDE, channels: 1 as const };
  return { name: 'bars', classes: ['left', 'middle', 'right'], input, train: images(train), test: images(test), checksums: {} };
}

export const architecture: Architecture = {
  encoder: strided(6, 12),
  decoder: strided(6, 12),
  dense: 24,
  latentDim: 3,
  entropy: 'constant',
};

const [BATCH, TEMPERATURE, WANTED] = [48, 0.1, 0.4];

/** Trains a small model whose bounds are worth something: distance to the class mean, reconstruction, and the rival margin itself. */
export function trainStrict({ train, input }: Dataset, guarantee: Guarantee, steps: number): Model {
  const model = buildModel(architecture, input, 5);
  const means = oneHotMeans(3, 3);
  const random = randomFrom(5, 'batches');
  const optimizer = tf.train.adam(4e-3);
  for (let step = 0; step < steps; step++) {
    const indices = Array.from({ length: BATCH }, () => random.integer(0, train.count - 1));
    const labels = labelsAt(train, indices);
    const radius = guarantee.radius * Math.min(1, (2 * step) / steps);
    optimizer.minimize(() => {
      const x = tf.tensor4d(imagesAt(train, indices), [BATCH, SIDE, SIDE, 1]);
      const target = tf.oneHot(tf.tensor1d(labels, 'int32'), 3);
      const z = model.encoder.apply(x) as tf.Tensor2D;
      const distance = z.sub(target).square().sum(1);
      const error = tf
        .squaredDifference(model.decoder.apply(z) as tf.Tensor, x)
        .sum([1, 2, 3])
        .mul(0.1);
      const margin = rivalMargins({ encoder: model.encoder, means, guarantee: { ...guarantee, radius } }, x)
        .mul(target)
        .sum(1);
      return distance.mul(3).add(error).add(margin.sub(WANTED).div(TEMPERATURE).softplus()).mean() as tf.Scalar;
    });
  }
  return model;
}

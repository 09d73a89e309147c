import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { lossGradients } from '../../trainer/gradient/loss-gradients.ts';
import { parametersOf } from '../../trainer/gradient/parameters.ts';
import { buildModel, type Model } from '../../trainer/model/build-model.ts';
import { gmvaeLoss, type LossOptions, type OutlierLoss } from '../../trainer/model/loss.ts';
import { NO_ATTACKS } from '../../trainer/robust/attack-rows.ts';
import { validate } from '../../trainer/validate.ts';
import { input, randomImages, tinyArchitecture } from '../export/tiny-model.ts';
import { tinyDataset, tinyTraining } from './tiny-dataset.ts';

beforeAll(useWasm);

const COUNT = 5;
const variable = { ...tinyArchitecture, entropy: 'variable' as const };
const truth = [0, 2, 1, 1, 0];
const means = oneHotMeans(3, 4);
const random = randomFrom(8, 'loss');
const rows = {
  images: randomImages(COUNT),
  targets: Float32Array.from(truth.flatMap((y) => means[y] as number[])),
  noise: Float32Array.from({ length: 4 * COUNT }, () => random.normal()),
  labelled: Float32Array.of(1, 0, 1, 0, 0),
  weights: Float32Array.of(1, 2, 0.5, 1, 3),
  genuine: Float32Array.of(1, 1, 0, 1, 1),
};
const options: LossOptions = {
  latentWeight: 7,
  encoderNoise: 0.01,
  unlabelledWeight: 0.6,
  means: null,
  outlierLoss: { kind: 'origin' },
  outliers: 0.25,
};
const margin = { kind: 'margin' as const, margin: 0.9, temperature: 0.1, weight: 0.2 };

function losses(model: Model, kinds: { labelled?: boolean; weighted?: boolean; outliers?: boolean; outlierLoss?: OutlierLoss }) {
  return tf.tidy(() => {
    const batch = {
      images: tf.tensor4d(rows.images, [COUNT, 8, 8, 1]),
      targets: tf.tensor2d(rows.targets, [COUNT, 4]),
      noise: tf.tensor2d(rows.noise, [COUNT, 4]),
      labelled: kinds.labelled ? tf.tensor1d(rows.labelled) : null,
      weights: kinds.weighted ? tf.tensor1d(rows.weights) : null,
      genuine: kinds.outliers ? tf.tensor1d(rows.genuine) : null,
    };
    const parts = gmvaeLoss(model, batch, {
      ...options,
      means: kinds.labelled || kinds.outlierLoss ? tf.tensor2d(means) : null,
      outlierLoss: kinds.outlierLoss ?? options.outlierLoss,
    });
    return { reconstruction: parts.reconstruction.arraySync(), latent: parts.latent.arraySync(), total: parts.total.arraySync() };
  });
}

/** The same in plain numbers: per image, what the loss is a mean of. */
function byHand(model: Model) {
  const at = (values: ArrayLike<number>, i: number, size: number) => Array.from(values).slice(i * size, (i + 1) * size);
  const x = tf.tensor4d(rows.images, [COUNT, 8, 8, 1]);
  const z = (model.encoder.predict(x) as tf.Tensor).dataSync();
  const logs = model.posterior ? (model.posterior.predict(x) as tf.Tensor[])[1]?.dataSync() : undefined;
  const noisy = z.map(
    (value, i) => value + (rows.noise[i] as number) * Math.sqrt(logs ? Math.exp(logs[i] as number) : options.encoderNoise),
  );
  const images = (model.decoder.predict(tf.tensor2d(noisy, [COUNT, 4])) as tf.Tensor).dataSync();
  return truth.map((y, i) => {
    const square = (a: number[], b: number[]) => a.reduce((sum, value, j) => sum + (value - (b[j] as number)) ** 2, 0);
    const latent = at(z, i, 4);
    const variances = logs ? at(logs, i, 4).map(Math.exp) : [];
    const density = means.reduce((sum, mean) => sum + Math.exp(-options.latentWeight * square(latent, mean)), 0) / 3;
    return {
      reconstruction: square(at(rows.images, i, 64), at(images, i, 64)),
      labelled: square(latent, means[y] as number[]),
      distances: means.map((mean) => square(latent, mean)),
      unlabelled: -Math.log(density) / options.latentWeight,
      // KL of N(z, s) from N(mu, I / (2 latentWeight)) beyond the distance, up to a constant, over latentWeight.
      spread: variances.reduce((sum, s) => sum + s - Math.log(s) / (2 * options.latentWeight), 0),
    };
  });
}

describe('the loss', () => {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it.each([
    ['constant', tinyArchitecture],
    ['variable', variable],
  ])('is Eq. 7 where all are labelled, of %s entropy', (_, architecture) => {
    const model = buildModel(architecture, input, 3);
    const expected = byHand(model);
    const { reconstruction, latent, total } = losses(model, {});
    expect(reconstruction).toBeCloseTo(mean(expected.map((image) => image.reconstruction)), 3);
    expect(latent).toBeCloseTo(mean(expected.map((image) => image.labelled + image.spread)), 4);
    expect(total).toBeCloseTo(reconstruction + 7 * latent, 3);
  });

  it('is Eq. 3 for the images without labels, and weighs each image', () => {
    const model = buildModel(tinyArchitecture, input, 3);
    const distances = byHand(model).map(({ labelled, unlabelled }, i) => (rows.labelled[i] === 1 ? labelled : 0.6 * unlabelled));
    expect(losses(model, { labelled: true }).latent).toBeCloseTo(mean(distances), 4);
    const weighted = losses(model, { labelled: true, weighted: true });
    expect(weighted.latent).toBeCloseTo(mean(distances.map((distance, i) => distance * (rows.weights[i] as number))), 4);
    const errors = byHand(model).map(({ reconstruction }, i) => reconstruction * (rows.weights[i] as number));
    expect(weighted.reconstruction).toBeCloseTo(mean(errors), 3);
    // An outlier is not reconstructed.
    const without = losses(model, { labelled: true, weighted: true, outliers: true });
    expect(without.reconstruction).toBeCloseTo(mean(errors.map((error, i) => (i === 2 ? 0 : error))), 3);
    expect(without.latent).toBe(weighted.latent);
  });

  it('with a margin: outliers are to be far from every mean, the others near their own alone', () => {
    const model = buildModel(tinyArchitecture, input, 3);
    const each = byHand(model).map(({ labelled, distances }, i) => {
      if (rows.genuine[i] === 0) return (0.2 / 0.25) * Math.log(1 + Math.exp((0.9 - Math.min(...distances)) / 0.1));
      return labelled + 0.2 * (labelled / 0.1 + Math.log(distances.reduce((sum, distance) => sum + Math.exp(-distance / 0.1), 0)));
    });
    expect(losses(model, { outliers: true, outlierLoss: margin }).latent).toBeCloseTo(mean(each), 4);
  });

  it.each([
    ['constant', tinyArchitecture],
    ['variable', variable],
  ])('has the gradient of its numerical slope, of %s entropy', async (_, architecture) => {
    const model = buildModel(architecture, input, 3);
    const parameters = parametersOf(model);
    const training = {
      ...{ ...tinyTraining, architecture, latentWeight: 7, labelsPerClass: 1, classWeights: 'balanced' as const },
      outlierLoss: margin,
    };
    const of = () =>
      lossGradients(
        model,
        parameters,
        { ...rows, ...NO_ATTACKS, count: COUNT, unlabelledWeight: 0.6, radiusScale: 0 },
        { input, classes: 3, training },
      );
    const gradient = (await of()).gradient.dataSync() as Float32Array;
    expect(gradient).toHaveLength(parameters.count);
    const values = parameters.values().dataSync() as Float32Array;
    // Along directions of a large slope, so that it stands out from the kinks of ReLU and the rounding of float32.
    for (let i = 0; i < 4; i++) {
      const mixed = gradient.map((value) => value * random.uniform());
      const length = Math.hypot(...mixed);
      const direction = mixed.map((value) => value / length);
      const sides: number[] = [];
      for (const side of [1, -1]) {
        parameters.assign(tf.tensor1d(values.map((value, i) => (value as number) + side * 2e-3 * (direction[i] as number))));
        sides.push((await of()).losses.total);
      }
      parameters.assign(tf.tensor1d(values));
      const slope = ((sides[0] as number) - (sides[1] as number)) / 4e-3;
      const expected = direction.reduce((sum, value, i) => sum + value * (gradient[i] as number), 0);
      expect(Math.abs(slope / expected - 1)).toBeLessThan(0.01);
    }
  });
});

it('validation is the loss without noise, and what share of nearest means is right', async () => {
  const dataset = tinyDataset(20, 0);
  const model = buildModel(tinyArchitecture, input, 3);
  const indices = [3, 7, 12];
  const x = tf.tensor4d(
    Float32Array.from(indices.flatMap((i) => Array.from(dataset.train.image(i), (level) => level / 255))),
    [3, 8, 8, 1],
  );
  const z = model.encoder.predict(x) as tf.Tensor2D;
  const errors = tf
    .squaredDifference(x, model.decoder.predict(z) as tf.Tensor)
    .sum([1, 2, 3])
    .dataSync();
  const distances = z
    .arraySync()
    .map((latent) => means.map((mean) => mean.reduce((sum, m, i) => sum + (m - (latent[i] as number)) ** 2, 0)));
  const labels = indices.map((i) => dataset.train.labels[i] as number);
  const supervised = labels.map((y, i) => (errors[i] as number) + 10 * (distances[i]?.[y] as number));
  const blind = labels.map(
    (_, i) => (errors[i] as number) - Math.log((distances[i] as number[]).reduce((sum, apart) => sum + Math.exp(-10 * apart), 0) / 3),
  );
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect((await validate(model, dataset, indices, tinyTraining)).loss).toBeCloseTo(mean(supervised), 3);
  expect((await validate(model, dataset, indices, { ...tinyTraining, labelsPerClass: 1 })).loss).toBeCloseTo(mean(blind), 3);
  const right = labels.filter((y, i) => (distances[i] as number[]).every((apart) => apart >= (distances[i]?.[y] as number))).length;
  expect((await validate(model, dataset, indices, tinyTraining)).accuracy).toBeCloseTo(right / 3, 9);
});

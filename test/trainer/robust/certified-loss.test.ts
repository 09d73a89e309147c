import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { hiddenBounds } from '../../../attacks/losses/interval-bounds.ts';
import type { Box } from '../../../evaluate/certificate/box.ts';
import { boundedEncoder } from '../../../evaluate/certificate/encoder.ts';
import { readGraph } from '../../../evaluate/certificate/read-graph.ts';
import { oneHotMeans } from '../../../shared/decision/latent-space.ts';
import { randomFrom } from '../../../shared/random.ts';
import { useWasm } from '../../../trainer/backend/wasm/wasm.ts';
import { lossGradients } from '../../../trainer/gradient/loss-gradients.ts';
import { parametersOf } from '../../../trainer/gradient/parameters.ts';
import { type Architecture, strided } from '../../../trainer/model/architecture.ts';
import { buildModel } from '../../../trainer/model/build-model.ts';
import { NO_ATTACKS } from '../../../trainer/robust/attack-rows.ts';
import { certifiedLoss, pairwiseBounds } from '../../../trainer/robust/certified-loss.ts';
import { graphOf } from '../../export/run-graph.ts';
import { input, randomImages, tinyArchitecture } from '../../export/tiny-model.ts';
import { tinyRobustness, tinyTraining } from '../tiny-dataset.ts';

beforeAll(useWasm);

const [COUNT, RADIUS] = [4, 0.05];
const pooled: Architecture = { ...tinyArchitecture, encoder: [...strided(4), { layer: 'MaxPooling2D', size: 2 }] };
const labels = [0, 2, 1, 2];
const means = oneHotMeans(3, 4);
const targets = () => tf.tensor2d(labels.map((y) => means[y] as number[]));
const images = randomImages(COUNT);
const batch = () => tf.tensor4d(images, [COUNT, 8, 8, 1]);

describe('pairwise bounds', () => {
  it('are v c + b + |v| r of an encoder computed by hand', () => {
    // h = relu([x0 - x1, x0 + x1]); z = h [[1, 0], [0, 2]] + [0, .5]
    const image = tf.input({ shape: [1, 2, 1] });
    const hidden = tf.layers.dense({ units: 2, activation: 'relu' });
    const latent = tf.layers.dense({ units: 2 });
    const encoder = tf.model({
      inputs: image,
      outputs: latent.apply(hidden.apply(tf.layers.flatten().apply(image) as tf.SymbolicTensor)) as tf.SymbolicTensor,
    });
    hidden.setWeights([tf.tensor2d([1, 1, -1, 1], [2, 2]), tf.tensor1d([0, 0])]);
    latent.setWeights([tf.tensor2d([1, 0, 0, 2], [2, 2]), tf.tensor1d([0, 0.5])]);
    // x = [.5, .05], r = .1: x in [.4, .6] x [0, .15]; h in [.25, .6] x [.4, .75].
    const bounds = pairwiseBounds(
      encoder,
      tf.tensor4d([0.5, 0.05], [1, 1, 2, 1]),
      tf.tensor2d([[1, 0]]),
      tf.tensor2d([[1, 0], [0, 1]]), // biome-ignore format: a row
      0.1,
    ).arraySync();
    // z_1 - z_0 = 2 h_1 + .5 - h_0 <= 1.5 + .5 - .25
    expect(bounds[0]?.[1]).toBeCloseTo(1.75, 4);
    expect(bounds[0]?.[0]).toBeLessThan(-1e8);
  });

  it.each([
    ['strided', tinyArchitecture],
    ['pooled', pooled],
  ])('are those of the certificate, and no point of the ball lies beyond, %s', (_, architecture) => {
    const { encoder } = buildModel(architecture, input, 3);
    const { lower, upper } = hiddenBounds(encoder, batch(), RADIUS);
    const certificate = boundedEncoder(readGraph(...graphOf(encoder)), [8, 8, 1]);
    const [low, high] = [lower.arraySync(), upper.arraySync()];
    for (let i = 0; i < COUNT; i++) {
      const hidden = certificate.bound(images.subarray(64 * i, 64 * (i + 1)), RADIUS).at(-3) as Box;
      for (const [j, value] of hidden.lower.entries()) expect(low[i]?.[j]).toBeCloseTo(value, 3);
      for (const [j, value] of hidden.upper.entries()) expect(high[i]?.[j]).toBeCloseTo(value, 3);
    }
    const bounds = pairwiseBounds(encoder, batch(), targets(), tf.tensor2d(means), RADIUS).arraySync();
    const random = randomFrom(5, 'points');
    for (let point = 0; point < 20; point++) {
      const moved = images.map((value) => Math.min(1, Math.max(0, value + RADIUS * Math.sign(random.uniform() - 0.5))));
      const latents = (encoder.predict(tf.tensor4d(moved, [COUNT, 8, 8, 1])) as tf.Tensor2D).arraySync();
      for (const [i, y] of labels.entries())
        for (const t of [0, 1, 2])
          if (t !== y) expect((latents[i]?.[t] as number) - (latents[i]?.[y] as number)).toBeLessThanOrEqual(bounds[i]?.[t] as number);
    }
  });
});

describe('the certified loss', () => {
  it('is log(1 + sum of exp((b - margin) / T))', () => {
    const bounds = tf.tensor2d([[-1e9, 0.3, 0.1], [-5, -1e9, -4]]); // biome-ignore format: a row
    const [open, proven] = certifiedLoss(bounds, 0.2, 0.1).arraySync() as [number, number];
    expect(open).toBeCloseTo(Math.log(1 + Math.exp(1) + Math.exp(-1)), 5);
    expect(proven).toBeCloseTo(0, 9);
  });

  it.each([
    ['strided', tinyArchitecture],
    ['pooled', pooled],
  ])('has the gradient of its numerical slope in the loss of a batch, %s', async (_, architecture) => {
    const model = buildModel(architecture, input, 3);
    const parameters = parametersOf(model);
    const certified = { radius: 0.04, excess: 1.25, weight: 6, margin: 0.2 };
    const training = {
      ...{ ...tinyTraining, architecture, latentWeight: 7, robust: { ...tinyRobustness, certified } },
      outlierLoss: { kind: 'margin' as const, margin: 0.9, temperature: 0.1, weight: 0.2 },
    };
    const rows = {
      ...{ ...NO_ATTACKS, images, targets: Float32Array.from(labels.flatMap((y) => means[y] as number[])), noise: new Float32Array(16) },
      ...{ labelled: new Float32Array(4).fill(1), weights: new Float32Array(4).fill(1), genuine: Float32Array.of(1, 1, 1, 0) },
    };
    const of = (radiusScale = 0.8) =>
      lossGradients(model, parameters, { ...rows, count: COUNT, unlabelledWeight: 1, radiusScale }, { input, classes: 3, training });
    const [without, scaled] = [(await of(0)).losses, (await of()).losses];
    const losses = certifiedLoss(pairwiseBounds(model.encoder, batch(), targets(), tf.tensor2d(means), 0.04), 0.2, 0.1).arraySync();
    const expected = (0.2 * 0.8 * 6 * ((losses[0] as number) + (losses[1] as number) + (losses[2] as number))) / 4;
    expect(scaled.latent - without.latent).toBeCloseTo(expected, 3);
    const gradient = (await of()).gradient.dataSync() as Float32Array;
    const values = parameters.values().dataSync() as Float32Array;
    const random = randomFrom(7, 'directions');
    for (let i = 0; i < 2; i++) {
      const mixed = gradient.map((value) => value * random.uniform());
      const direction = mixed.map((value) => value / Math.hypot(...mixed));
      const sides: number[] = [];
      for (const side of [1, -1]) {
        parameters.assign(tf.tensor1d(values.map((value, j) => value + side * 1e-3 * (direction[j] as number))));
        sides.push((await of()).losses.total);
      }
      parameters.assign(tf.tensor1d(values));
      const slope = ((sides[0] as number) - (sides[1] as number)) / 2e-3;
      const along = direction.reduce((sum, value, j) => sum + value * (gradient[j] as number), 0);
      expect(Math.abs(slope / along - 1)).toBeLessThan(0.02);
    }
  });
});

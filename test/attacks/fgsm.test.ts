import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { fastGradientSign } from '../../attacks/fgsm.ts';
import { crossEntropy } from '../../attacks/losses/cross-entropy.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { randomFrom } from '../../shared/random.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { strided } from '../../trainer/model/architecture.ts';
import { buildModel } from '../../trainer/model/build-model.ts';

beforeAll(useWasm);

const input = { height: 8, width: 8, channels: 1 as const };
const random = randomFrom(3, 'fgsm');
const images = Float32Array.from({ length: 6 * 64 }, () => 0.3 + 0.4 * random.uniform());
const labels = [0, 1, 2, 0, 1, 2];
const shape: [number, number, number, number] = [6, 8, 8, 1];
const model = () => ({
  input,
  encoder: buildModel({ encoder: strided(4), decoder: strided(4), dense: 8, latentDim: 3, entropy: 'constant' }, input, 5).encoder,
  means: oneHotMeans(3, 3),
});

describe('fgsm', () => {
  it('moves every pixel that has a gradient by exactly eps, however small the gradient is', () => {
    const { encoder, means } = model();
    // A model that is very sure: all gradients are far below 1e-7.
    const weights = encoder.getWeights();
    encoder.setWeights([...weights.slice(0, -1), tf.tensor1d([3, 0, 0])]);
    const attacked = fastGradientSign({ encoder, means, input }, images, new Array(6).fill(0), 0.1);
    const gradient = tf
      .grad((x) => crossEntropy({ encoder, means }, x, new Array(6).fill(0)))(tf.tensor4d(images, shape))
      .dataSync();
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-7);
    expect(gradient.filter((value) => value !== 0).length).toBeGreaterThan(200);
    for (const [i, value] of attacked.entries())
      expect(value).toBeCloseTo((images[i] as number) + 0.1 * Math.sign(gradient[i] as number), 5);
  });

  it('raises the cross-entropy, stays within eps and [0, 1]', () => {
    const target = model();
    const loss = (values: Float32Array) => crossEntropy(target, tf.tensor4d(values, shape), labels).mean().dataSync()[0] as number;
    const before = loss(images);
    const attacked = fastGradientSign(target, images, labels, 0.05);
    expect(loss(attacked)).toBeGreaterThan(before);
    const far = fastGradientSign(target, images, labels, 0.9);
    expect(Math.min(...far)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...far)).toBeLessThanOrEqual(1);
    expect(Math.max(...attacked.map((value, i) => Math.abs(value - (images[i] as number))))).toBeLessThanOrEqual(0.05 + 1e-6);
  });

  it("has the cross-entropy's value: hand-computed for a latent at its mean", () => {
    const encoder = tf.sequential();
    encoder.add(tf.layers.flatten({ inputShape: [1, 2, 1] }));
    const at = tf.tensor4d([1, 0], [1, 1, 2, 1]);
    // Distances 0 and 2, T = 0.1: -ln(1 / (1 + e^-20)).
    expect(
      crossEntropy(
        {
          encoder,
          means: [
            [1, 0],
            [0, 1],
          ],
        },
        at,
        [1],
      ).dataSync()[0],
    ).toBeCloseTo(20, 4);
  });
});

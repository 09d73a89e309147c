import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { encoderCrossEntropy } from '../../attacks/encoder-loss.ts';
import { MOMENTUM_DEFAULTS, momentumIterative } from '../../attacks/momentum.ts';
import { foolingImages, paperWhitebox } from '../../attacks/paper-whitebox.ts';
import { PGD_DEFAULTS, projectedGradient } from '../../attacks/pgd.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { twoPixels } from './two-pixels.ts';

beforeAll(useWasm);

const most = (a: Float32Array, b: ArrayLike<number>) => Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

describe.each([
  ['momentum iterative', (images: Float32Array) => momentumIterative(twoPixels(), images, [0, 1], MOMENTUM_DEFAULTS)],
  ['PGD', (images: Float32Array) => projectedGradient(twoPixels(), images, [0, 1], [11, 12], { ...PGD_DEFAULTS, step: 0.02 })],
])('%s', (_, attack) => {
  it('raises the cross-entropy as far as the ball allows: both pixels move by eps, away from the class', () => {
    // Towards (0, 1) from (0.8, 0.1), towards (1, 0) from (0.4, 0.7).
    const images = Float32Array.of(0.8, 0.1, 0.4, 0.7);
    const attacked = attack(images);
    expect([...attacked].map((value) => +value.toFixed(3))).toEqual([0.5, 0.4, 0.7, 0.4]);
    expect(most(attacked, images)).toBeLessThanOrEqual(0.3 + 1e-6);
    const loss = (values: Float32Array) => encoderCrossEntropy(twoPixels(), tf.tensor4d(values, [2, 1, 2, 1]), [0, 1]).dataSync();
    for (const [i, value] of loss(attacked).entries()) expect(value).toBeGreaterThan(loss(images)[i] as number);
  });
});

it('momentum: two steps by hand', () => {
  // Gradients divided by their mean absolute value are of the same signs in both steps.
  const attacked = momentumIterative(twoPixels(), Float32Array.of(0.9, 0.05), [0], { eps: 0.2, step: 0.05, steps: 2 });
  expect(attacked[0]).toBeCloseTo(0.8, 5);
  expect(attacked[1]).toBeCloseTo(0.15, 5);
});

it('momentum: each gradient counts by its direction, not by its length', () => {
  // z = -x - y + 1.3 max(0, x - 0.55) + 1.1 max(0, y - 0.55), far from the class's mean, where the loss falls evenly with z.
  const encoder = tf.sequential();
  encoder.add(tf.layers.flatten({ inputShape: [1, 2, 1] }));
  const units = [
    [1, 0, 1, 0],
    [0, 1, 0, 1],
  ];
  encoder.add(tf.layers.dense({ units: 4, activation: 'relu', weights: [tf.tensor2d(units), tf.tensor1d([0, 0, -0.55, -0.55])] }));
  encoder.add(tf.layers.dense({ units: 1, useBias: false, weights: [tf.tensor2d([[-1], [-1], [1.3], [1.1]])] }));
  const model = twoPixels({ encoder, means: [[5], [0]] });
  // The first gradient is along (1, 1), the second, a fifth as long, along (-3, -1): their sum is along (-1, 1) by the L1 norm.
  const attacked = momentumIterative(model, Float32Array.of(0.5, 0.5), [0], { eps: 0.3, step: 0.1, steps: 2 });
  expect([...attacked].map((value) => +value.toFixed(3))).toEqual([0.5, 0.7]);
});

it('PGD begins where the seed says, whatever stands beside the image', () => {
  const options = { eps: 0.3, step: 0, steps: 1 };
  const both = projectedGradient(twoPixels(), Float32Array.of(0.5, 0.5, 0.5, 0.5), [0, 1], [5, 6], options);
  const alone = projectedGradient(twoPixels(), Float32Array.of(0.5, 0.5), [1], [6], options);
  expect([...alone]).toEqual([...both.slice(2)]);
  expect([...alone]).not.toEqual([...both.slice(0, 2)]);
});

it('Eq. 10 goes to the mean of the target where the change weighs nothing against it, and nowhere where it weighs all', () => {
  const options = { steps: 200, learningRate: 0.03 };
  const far = paperWhitebox(twoPixels(), Float32Array.of(1, 0), [1], { ...options, a: 1000, b: 2 });
  expect(far[0]).toBeCloseTo(0, 2);
  expect(far[1]).toBeCloseTo(1, 2);
  const near = paperWhitebox(twoPixels(), Float32Array.of(1, 0), [1], { ...options, a: 1e-4, b: 0 });
  expect(near[0]).toBeCloseTo(1, 2);
  // In between the minimum of |x - (1, 0)|^2 + a |x - (0, 1)|^2: at a / (1 + a) of the way.
  const between = paperWhitebox(twoPixels(), Float32Array.of(1, 0), [1], { ...options, a: 3, b: 2 });
  expect([...between].map((value) => +value.toFixed(2))).toEqual([0.25, 0.75]);
});

it('Eq. 11 makes of noise what is taken for each class', () => {
  const fooled = foolingImages(twoPixels(), [0, 1], [1, 1], { a: 100, b: 2, steps: 300, learningRate: 0.02 });
  expect([...fooled].map((value) => +value.toFixed(1))).toEqual([1, 0, 0, 1]);
});

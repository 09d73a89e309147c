import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack } from '../../attacks/attack.ts';
import { crossEntropy } from '../../attacks/losses/cross-entropy.ts';
import { momentum } from '../../attacks/momentum.ts';
import { eq10, eq11 } from '../../attacks/paper.ts';
import { pgd } from '../../attacks/pgd.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { twoPixels } from './two-pixels.ts';

beforeAll(useWasm);

const most = (a: Float32Array, b: ArrayLike<number>) => Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

/** Attacks a batch with radius .3 or another one. */
const run = async (attack: Attack, images: Float32Array, labels: number[], seeds: number[], radius = 0.3, model = twoPixels()) =>
  (await attack.run(model, images, labels, radius, seeds)).images;

describe.each([momentum(), pgd({ radius: 0.3, step: 0.02, steps: 40 })])('$name', (attack) => {
  it('raises the cross-entropy as far as the ball allows: both pixels move by eps, away from the class', async () => {
    // Towards (0, 1) from (0.8, 0.1), towards (1, 0) from (0.4, 0.7).
    const images = Float32Array.of(0.8, 0.1, 0.4, 0.7);
    const attacked = await run(attack, images, [0, 1], [11, 12]);
    expect([...attacked].map((value) => +value.toFixed(3))).toEqual([0.5, 0.4, 0.7, 0.4]);
    expect(most(attacked, images)).toBeLessThanOrEqual(0.3 + 1e-6);
    const loss = (values: Float32Array) => crossEntropy(twoPixels(), tf.tensor4d(values, [2, 1, 2, 1]), [0, 1]).dataSync();
    for (const [i, value] of loss(attacked).entries()) expect(value).toBeGreaterThan(loss(images)[i] as number);
  });
});

it('momentum: two steps by hand', async () => {
  // Gradients divided by their mean absolute value are of the same signs in both steps.
  const attacked = await run(momentum({ radius: 0.2, step: 0.05, steps: 2 }), Float32Array.of(0.9, 0.05), [0], [1], 0.2);
  expect(attacked[0]).toBeCloseTo(0.8, 5);
  expect(attacked[1]).toBeCloseTo(0.15, 5);
});

it('momentum: each gradient counts by its direction, not by its length', async () => {
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
  const attacked = await run(momentum({ radius: 0.3, step: 0.1, steps: 2 }), Float32Array.of(0.5, 0.5), [0], [1], 0.3, model);
  expect([...attacked].map((value) => +value.toFixed(3))).toEqual([0.5, 0.7]);
});

it('PGD begins where the seed says, whatever stands beside the image', async () => {
  const still = pgd({ radius: 0.3, step: 0, steps: 1 });
  const both = await run(still, Float32Array.of(0.5, 0.5, 0.5, 0.5), [0, 1], [5, 6]);
  const alone = await run(still, Float32Array.of(0.5, 0.5), [1], [6]);
  expect([...alone]).toEqual([...both.slice(2)]);
  expect([...alone]).not.toEqual([...both.slice(0, 2)]);
});

it('Eq. 10 goes to the mean of the target where the change weighs nothing against it, and nowhere where it weighs all', async () => {
  const withWeights = (a: number, b: number) => run(eq10({ steps: 200, learningRate: 0.03, a, b }), Float32Array.of(1, 0), [0], [1]);
  const far = await withWeights(1000, 2);
  expect(far[0]).toBeCloseTo(0, 2);
  expect(far[1]).toBeCloseTo(1, 2);
  const near = await withWeights(1e-4, 0);
  expect(near[0]).toBeCloseTo(1, 2);
  // In between the minimum of |x - (1, 0)|^2 + a |x - (0, 1)|^2: at a / (1 + a) of the way.
  const between = await withWeights(3, 2);
  expect([...between].map((value) => +value.toFixed(2))).toEqual([0.25, 0.75]);
});

it('Eq. 11 makes of noise what is taken for each class', async () => {
  const { images, of, targets } = await eq11().run(twoPixels(), new Float32Array(), [], 0, [1]);
  expect([...images].map((value) => +value.toFixed(1))).toEqual([1, 0, 0, 1]);
  expect([of, targets]).toEqual([
    [0, 0],
    [0, 1],
  ]);
});

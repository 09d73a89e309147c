import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { searchFrom, searchOn } from '../../attacks/steps/latent-search.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { twoPixels } from './two-pixels.ts';

beforeAll(useWasm);

/** g(z) = (z, 2 z): of the image (a, b) the least squares solution is (a + 2 b) / 5. */
function doubling(): tf.LayersModel {
  const dense = tf.layers.dense({ inputShape: [1], units: 2, useBias: false });
  const decoder = tf.sequential({ layers: [dense, tf.layers.reshape({ targetShape: [1, 2, 1] })] });
  dense.setWeights([tf.tensor2d([[1, 2]])]);
  return decoder;
}

const PAPER = { priorWeight: 0, encoderWeight: 0 };

const images = (...values: number[]) => tf.tensor4d(values, [values.length / 2, 1, 2, 1]);

it('begins with a step of the learning rate against the sign of each gradient', () => {
  const { latents, steps } = searchOn(twoPixels(), images(1, 0), searchFrom(tf.tensor2d([[0.4, 0.7]])), 1);
  expect([...latents.dataSync()].map((value) => +value.toFixed(5))).toEqual([0.43, 0.67]);
  expect(steps).toBe(1);
});

it('goes on by the averages: the second step by hand', () => {
  // z from 0: gradients 2 (z - 1) + 4 (2 z - 1) = -6, and at .03 -5.7
  const { latents } = searchOn({ decoder: doubling(), search: PAPER }, images(1, 1), searchFrom(tf.tensor2d([[0]])), 2);
  const mean = (0.9 * 0.1 * 6 + 0.1 * 5.7) / (1 - 0.9 ** 2);
  const square = (0.999 * 0.001 * 6 ** 2 + 0.001 * 5.7 ** 2) / (1 - 0.999 ** 2);
  expect(latents.dataSync()[0]).toBeCloseTo(0.03 + (0.03 * mean) / Math.sqrt(square), 5);
});

it('comes to the least squares solution of each image, and may stop on the way and go on', () => {
  const model = { decoder: doubling(), search: PAPER };
  const wanted = images(1, 0.5, 0, 0.5);
  const halfway = searchOn(model, wanted, searchFrom(tf.tensor2d([[0], [1]])), 150);
  const { latents, steps } = searchOn(model, wanted, halfway, 150);
  expect(latents.dataSync()[0]).toBeCloseTo(0.4, 2);
  expect(latents.dataSync()[1]).toBeCloseTo(0.2, 2);
  expect(steps).toBe(300);
});

it("comes to the compromise with the prior of each start's own class", () => {
  const model = { decoder: doubling(), search: { ...PAPER, priorWeight: 5 } };
  // Of (z - 1)^2 + (2 z - .5)^2 + 5 (z - mu)^2 the least is (1 + 1 + 5 mu) / 10.
  const { latents } = searchOn(model, images(1, 0.5, 1, 0.5), searchFrom(tf.tensor2d([[0], [1]])), 300);
  expect(latents.dataSync()[0]).toBeCloseTo(0.2, 2);
  expect(latents.dataSync()[1]).toBeCloseTo(0.7, 2);
});

it('keeps no tensors but its own', () => {
  const wanted = images(1, 0);
  const model = twoPixels();
  const search = searchFrom(tf.tensor2d([[0, 0]]));
  const before = tf.memory().numTensors;
  searchOn(model, wanted, search, 3);
  expect(tf.memory().numTensors).toBe(before);
});

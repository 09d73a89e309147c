import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { attackedLoss, ownClasses, squaredDistances } from '../../../trainer/robust/robust-loss.ts';

const means = tf.tensor2d([
  [1, 0, 0],
  [0, 1, 0],
]);
const options = { means, temperature: 0.1, margin: 0.9, rejectWeight: 2, attackedWeight: 3, outlierWeight: 5 };
const loss = (latent: number[], target: number[], genuine: number) =>
  attackedLoss(tf.tensor2d([latent]), tf.tensor2d([target]), tf.tensor1d([genuine]), options).dataSync()[0] as number;

it('distances and own classes are per class; the origin is no class', () => {
  const latents = tf.tensor2d([
    [1, 1, 0],
    [0, 0, 2],
  ]);
  expect(squaredDistances(latents, means).arraySync()).toEqual([
    [1, 1],
    [5, 5],
  ]);
  const targets = tf.tensor2d([
    [0, 1, 0],
    [0, 0, 0],
  ]);
  expect(ownClasses(targets, means).arraySync()).toEqual([
    [0, 1],
    [0, 0],
  ]);
});

it('an image of a class may land on its own class or nowhere; only the cross entropy asks for its own', () => {
  // d = (.17, 1.17): e^-1.7, e^-11.7 and e^-5 for rejection.
  const [own, other, none] = [Math.exp(-1.7), Math.exp(-11.7), Math.exp(-5)];
  const reject = -Math.log((own + none) / (own + other + none));
  const crossEntropy = -Math.log(own / (own + other));
  expect(loss([0.8, 0.3, 0.2], [1, 0, 0], 1)).toBeCloseTo(2 * reject + 3 * crossEntropy, 5);
  // On the other class: d = (2, 0).
  const wrong = -Math.log((Math.exp(-20) + none) / (Math.exp(-20) + 1 + none));
  expect(loss([0, 1, 0], [1, 0, 0], 1)).toBeCloseTo(2 * wrong + 3 * (20 + Math.log1p(Math.exp(-20))), 3);
  // Far from both, equally: L_rej is nearly 0, the cross entropy ln 2.
  expect(loss([0, 0, 3], [1, 0, 0], 1)).toBeCloseTo(3 * Math.log(2), 4);
});

it('an outlier is to keep the margin from every mean', () => {
  // min d = 1 from the origin: softplus((.9 - 1) / .1)
  expect(loss([0, 0, 0], [0, 0, 0], 0)).toBeCloseTo(5 * Math.log1p(Math.exp(-1)), 5);
  expect(loss([1, 0, 0], [0, 0, 0], 0)).toBeCloseTo(5 * Math.log1p(Math.exp(9)), 4);
});

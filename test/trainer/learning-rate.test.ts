import { expect, it } from 'vitest';
import { learningRateAt, unlabelledWeightAt } from '../../trainer/fit.ts';

it('the learning rate rises to its peak over a share of the steps and falls in a line to 2 % of it', () => {
  const rates = Array.from({ length: 101 }, (_, step) => learningRateAt(step, 100, 0.5, 0.1));
  for (let step = 0; step < 10; step++) expect(rates[step]).toBeCloseTo(0.05 * (step + 1), 12);
  expect(rates[10]).toBe(0.5);
  expect(rates[55]).toBeCloseTo(0.51 * 0.5, 12);
  expect(rates[100]).toBeCloseTo(0.02 * 0.5, 12);
});

it('a training of a few steps begins at the peak', () => {
  expect([0, 1, 2].map((step) => learningRateAt(step, 2, 1, 0.1))).toEqual([1, 1, 0.02].map((rate) => expect.closeTo(rate, 12)));
  expect(learningRateAt(0, 1, 1, 0.1)).toBe(1);
});

it('the weight of unlabelled images grows from 0 to 1 over the first third of the steps', () => {
  expect([0, 5, 10, 20, 30].map((step) => unlabelledWeightAt(step, 30))).toEqual([0, 0.5, 1, 1, 1]);
});

import { randomFrom } from '../../shared/random.ts';
import type { Dataset } from './dataset.ts';

/**
 * The five splits. The first four are indices into the training images, disjoint; `test` are those into the test images.
 * train: fits the weights. validation: choices. tune: the shape of the thresholds. calibration: used once, last.
 * test: looked at only to report.
 */
export interface Splits {
  train: number[];
  validation: number[];
  tune: number[];
  calibration: number[];
  test: number[];
}

/** Shares of the training images that do not train: 1/24, 1/24 and 1/12 (2500, 2500 and 5000 of MNIST's 60000). */
const HELD_OUT = { validation: 1 / 24, tune: 1 / 24, calibration: 1 / 12 };

/** The same data and seed give the same splits. */
export function splitsOf(dataset: Pick<Dataset, 'train' | 'test'>, seed: number): Splits {
  const order = Array.from({ length: dataset.train.count }, (_, i) => i);
  randomFrom(seed, 'splits').shuffle(order);
  const take = (share: number) => order.splice(0, Math.round(share * dataset.train.count)).sort((a, b) => a - b);
  const validation = take(HELD_OUT.validation);
  const tune = take(HELD_OUT.tune);
  const calibration = take(HELD_OUT.calibration);
  const train = order.sort((a, b) => a - b);
  return { train, validation, tune, calibration, test: Array.from({ length: dataset.test.count }, (_, i) => i) };
}

import * as tf from '@tensorflow/tfjs';
import { distances } from './ball.ts';
import { combined, logRatios } from './joint-loss.ts';
import { acceptedAs } from './look.ts';
import type { Nearest } from './minimum-norm.ts';
import { imagesOf, type Rows } from './rows.ts';
import { sizeOf, tensorOf, type Victim } from './victim.ts';
import { withAdam } from './with-adam.ts';

export interface CarliniWagnerOptions {
  /** of Adam, for each weight */
  steps: number;
  /** weights of the tests against the distance that are tried, each by half the interval */
  searches: number;
}

const LEARNING_RATE = 0.02;
const FIRST_WEIGHT = 10;
/** How far below all thresholds the tests still count: without it the least loss would lie just outside. */
const MARGIN = 0.02;

/**
 * Least l2 change that is accepted as the target, after Carlini and Wagner (2017): Adam on ||x' - x||^2 + c times what the tests of the joint decision are over their
 * thresholds (logarithms, as their smooth maximum), c searched for each row. Images are kept in [0, 1] by clipping, not by their change of variables, which starts flat at 0 and 1.
 */
export function carliniWagner(victim: Victim, rows: Rows, { steps, searches }: CarliniWagnerOptions): Nearest {
  const { origins, targets } = rows;
  const size = sizeOf(victim.input);
  const [origin, start] = [tensorOf(victim, origins), tensorOf(victim, rows.starts)];
  const images = rows.starts.slice();
  const radii = targets.map(() => Number.POSITIVE_INFINITY);
  let interval = targets.map(() => ({ low: 0, weight: FIRST_WEIGHT, high: Number.POSITIVE_INFINITY }));
  for (let search = 0; search < searches; search++) {
    const reached = targets.map(() => false);
    const weights = tf.tensor1d(interval.map(({ weight }) => weight));
    const lossOf = (x: tf.Tensor4D) => {
      const tests = combined(logRatios(victim, x, targets), 'log-sum-exp')
        .add(MARGIN)
        .relu()
        .mul(weights);
      return tf.squaredDifference(x, origin).sum([1, 2, 3]).add(tests) as tf.Tensor1D;
    };
    const seen = (x: tf.Tensor4D) => {
      const accepted = acceptedAs(victim, x, targets);
      if (!accepted.includes(true)) return;
      const values = x.dataSync() as Float32Array;
      const lengths = distances(values, origins, size, 'l2');
      for (const [i, is] of accepted.entries()) {
        if (!is) continue;
        reached[i] = true;
        if ((lengths[i] as number) >= (radii[i] as number)) continue;
        radii[i] = lengths[i] as number;
        images.set(imagesOf(values, [i], size), i * size);
      }
    };
    withAdam(start, { steps, learningRate: LEARNING_RATE }, lossOf, (x) => tf.clipByValue(x, 0, 1), seen).dispose();
    weights.dispose();
    interval = interval.map(({ low, weight, high }, i) => {
      const [below, above] = reached[i] ? [low, weight] : [weight, high];
      return { low: below, weight: Number.isFinite(above) ? (below + above) / 2 : below * 10, high: above };
    });
  }
  tf.dispose([origin, start]);
  return { images, radii };
}

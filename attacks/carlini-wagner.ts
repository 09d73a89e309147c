import * as tf from '@tensorflow/tfjs';
import type { Attack, GradientModel } from './attack.ts';
import { combined, logRatios } from './losses/joint.ts';
import { acceptedAs } from './losses/objective.ts';
import type { Nearest } from './minimum-norm.ts';
import { attackRows, type Rows } from './rows.ts';
import { minimise } from './steps/adam.ts';
import { distances } from './steps/projection.ts';
import { selectImages, sizeOf, tensorOf } from './tensors.ts';

interface Options {
  /** of Adam, for each weight */
  steps: number;
  /** weights of the tests against the distance that are tried, by bisection */
  searches: number;
}

const TARGETS = 3;
const LEARNING_RATE = 0.02;
const FIRST_WEIGHT = 10;
/** The tests count until all are this far below their thresholds: otherwise the least loss would lie just outside. */
const MARGIN = 0.02;
/** The cost of a step, with its test of what is accepted, in gradients. */
const STEP_COST = 1.5;

/** Carlini and Wagner's attack (S&P 2017) on the joint decision, from outside. */
export const carliniWagnerL2 = ({ steps, searches }: Options): Attack => ({
  name: 'Carlini-Wagner',
  ...{ knowledge: 'white-box', norm: 'l2', kind: 'minimum norm', counts: 'best', source: import.meta.url },
  cost: TARGETS * searches * steps * STEP_COST,
  about: `least l2 change by Adam with a searched weight, from outside: ${TARGETS} targets x ${searches} weights x ${steps} steps`,
  async run(model, images, labels, _radius, seeds) {
    const { rows, of } = await attackRows(model, images, labels, seeds, { from: 'outside', targets: TARGETS });
    return {
      images: of.length === 0 ? new Float32Array() : carliniWagner(model, rows, { steps, searches }).images,
      of,
      targets: rows.targets,
    };
  },
});

/**
 * Minimises ||x' - x||^2 + c times the excess of the joint decision's tests over their thresholds (logarithms, as their smooth maximum) by
 * Adam, and searches c for each row. Images are kept in [0, 1] by clipping, not by Carlini and Wagner's change of variables, which is flat
 * at 0 and 1.
 */
export function carliniWagner(model: GradientModel, rows: Rows, { steps, searches }: Options): Nearest {
  const { origins, targets } = rows;
  const size = sizeOf(model.input);
  const [origin, start] = [tensorOf(model, origins), tensorOf(model, rows.starts)];
  const images = rows.starts.slice();
  const radii = targets.map(() => Number.POSITIVE_INFINITY);
  let interval = targets.map(() => ({ low: 0, weight: FIRST_WEIGHT, high: Number.POSITIVE_INFINITY }));
  for (let search = 0; search < searches; search++) {
    const reached = targets.map(() => false);
    const weights = tf.tensor1d(interval.map(({ weight }) => weight));
    const lossOf = (x: tf.Tensor4D) => {
      const tests = combined(logRatios(model, x, targets), 'log-sum-exp')
        .add(MARGIN)
        .relu()
        .mul(weights);
      return tf.squaredDifference(x, origin).sum([1, 2, 3]).add(tests) as tf.Tensor1D;
    };
    const visit = (x: tf.Tensor4D) => {
      const accepted = acceptedAs(model, x, targets);
      if (!accepted.includes(true)) return;
      const values = x.dataSync() as Float32Array;
      const lengths = distances(values, origins, model.input, 'l2');
      for (const [i, is] of accepted.entries()) {
        if (!is) continue;
        reached[i] = true;
        if ((lengths[i] as number) >= (radii[i] as number)) continue;
        radii[i] = lengths[i] as number;
        images.set(selectImages(values, [i], size), i * size);
      }
    };
    minimise(start, { steps, learningRate: LEARNING_RATE }, lossOf, visit).dispose();
    weights.dispose();
    interval = interval.map(({ low, weight, high }, i) => {
      const [below, above] = reached[i] ? [low, weight] : [weight, high];
      return { low: below, weight: Number.isFinite(above) ? (below + above) / 2 : below * 10, high: above };
    });
  }
  tf.dispose([origin, start]);
  return { images, radii };
}

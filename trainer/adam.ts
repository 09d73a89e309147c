import * as tf from '@tensorflow/tfjs';
import { currentHeap } from './backend/wasm/heap.ts';
import { adamOnHeap } from './backend/wasm/vectors.ts';
import type { Parameters } from './gradient/parameters.ts';

/** An optimizer; its state is vectors as long as the parameters. */
export interface Adam {
  /** Moves the parameters against the gradient, and updates their running average. */
  step(gradient: tf.Tensor1D, learningRate: number): void;
  /** Returns the running average of the parameters, which is what a training keeps: [count]. */
  average(): tf.Tensor1D;
  /** Returns what a checkpoint holds: parameters, first and second moment, average. */
  state(): tf.Tensor1D[];
  restore(state: readonly Float32Array[], steps: number): void;
  dispose(): void;
}

export interface AdamOptions {
  /** Decay of the second moment. */
  beta2: number;
  /** Decay of the running average of the parameters; 0 for no average. In the first steps it is at most (1 + t) / (10 + t). */
  averageDecay: number;
}

const BETA1 = 0.9;
/** Added to the root of the second moment, as in TensorFlow and Keras. */
const EPSILON = 1e-7;

/**
 * Makes an Adam optimizer (Kingma and Ba 2015, algorithm 1) over one flat vector. A step is a dozen kernels whatever the number of weights,
 * on wasm one loop; an optimizer that goes from weight to weight needs a dozen kernels for each.
 */
export function adam(parameters: Parameters, { beta2, averageDecay }: AdamOptions): Adam {
  let steps = 0;
  let values = parameters.values();
  let first = tf.zeros([parameters.count]) as tf.Tensor1D;
  let second = tf.zeros([parameters.count]) as tf.Tensor1D;
  let average: tf.Tensor1D | null = averageDecay > 0 ? values.mul(1) : null;

  /** @param next values, first and second moment and, if it is kept, the average */
  function replace(next: tf.Tensor1D[]): void {
    tf.dispose([values, first, second, ...(average ? [average] : [])]);
    [values, first, second] = next as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    average = next[3] ?? null;
    parameters.assign(values);
  }

  return {
    step(gradient, learningRate) {
      steps++;
      const decay = Math.min(averageDecay, (1 + steps) / (10 + steps));
      // Both bias corrections, combined into two numbers.
      const root = Math.sqrt(1 - beta2 ** steps);
      const rate = (learningRate * root) / (1 - BETA1 ** steps);
      const epsilon = EPSILON * root;
      const heap = currentHeap();
      if (heap) {
        adamOnHeap(heap, { values, first, second, average }, gradient, { rate, beta1: BETA1, beta2, epsilon, decay });
        parameters.assign(values);
        return;
      }
      replace(
        tf.tidy(() => {
          const m = first.mul(BETA1).add(gradient.mul(1 - BETA1));
          const v = second.mul(beta2).add(gradient.square().mul(1 - beta2));
          const moved = values.sub(m.mul(rate).div(v.sqrt().add(epsilon)));
          return [moved, m, v, ...(average ? [average.mul(decay).add(moved.mul(1 - decay))] : [])] as tf.Tensor1D[];
        }),
      );
    },
    average: () => average ?? values,
    state: () => [values, first, second, ...(average ? [average] : [])],
    restore(state, at) {
      steps = at;
      replace(state.map((vector) => tf.tensor1d(vector)));
    },
    dispose: () => tf.dispose([values, first, second, ...(average ? [average] : [])]),
  };
}

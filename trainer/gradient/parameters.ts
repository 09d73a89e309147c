import * as tf from '@tensorflow/tfjs';
import { type Backend, withSynchronousBackend } from '../backend/backends.ts';
import { currentHeap } from '../backend/wasm/heap.ts';
import { copyOnHeap } from '../backend/wasm/vectors.ts';
import type { Model } from '../model/build-model.ts';

/** All trainable weights of a model as one vector, which a step updates at once. */
export interface Parameters {
  /** The encoder's, the decoder's, then those that only training has, in the order in which they were made. */
  weights: tf.Variable[];
  count: number;
  /** Their values, one after the other. */
  values(): tf.Tensor1D;
  /** Gives each weight its part of the vector; it may be disposed of afterwards. */
  assign(values: tf.Tensor1D): void;
  /** Does the same from outside the backend. TensorFlow reads `values` only when a weight is next used: they must stay until then. */
  load(values: Float32Array): void;
}

export function parametersOf({ encoder, decoder, posterior }: Model): Parameters {
  const all = [encoder, decoder, ...(posterior ? [posterior] : [])].flatMap((model) =>
    model.trainableWeights.map((weight) => weight.read() as tf.Variable),
  );
  const weights = [...new Set(all)];
  const sizes = weights.map(({ size }) => size);
  return {
    weights,
    count: sizes.reduce((sum, size) => sum + size, 0),
    values: () => flattened(weights),
    assign: (values) => {
      const heap = currentHeap();
      if (heap) return copyOnHeap(heap, values, weights);
      tf.tidy(() => {
        tf.split(values, sizes).forEach((part, i) => {
          const weight = weights[i] as tf.Variable;
          weight.assign(part.reshape(weight.shape));
        });
      });
    },
    load: (values) => {
      let from = 0;
      for (const weight of weights) {
        const part = tf.tensor(values.subarray(from, from + weight.size), weight.shape);
        weight.assign(part);
        part.dispose();
        from += weight.size;
      }
    },
  };
}

/**
 * Gives the weights of a model made by `withSynchronousBackend` values that were trained.
 *
 * @param values [count], of the backend that trains
 */
export async function copyParameters(backend: Pick<Backend, 'readsSynchronously'>, values: tf.Tensor1D, to: Parameters): Promise<void> {
  const copy = await values.data<'float32'>();
  await withSynchronousBackend(backend, () => tf.tidy(() => to.assign(tf.tensor1d(copy))));
}

/** Returns the values of tensors of any shape, one after the other. */
export function flattened(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  return tf.tidy(() => tf.concat1d(tensors.map((tensor) => tensor.flatten())));
}

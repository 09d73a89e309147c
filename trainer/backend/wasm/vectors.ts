import * as tf from '@tensorflow/tfjs';
import { simdOf } from '../simd.ts';
import { addressOf, type BackendWasm, floatsOf } from './heap.ts';

/** Vectors as long as the parameters, on the wasm backend; none may share its values with another tensor. */
export interface AdamVectors {
  values: tf.Tensor1D;
  first: tf.Tensor1D;
  second: tf.Tensor1D;
  average: tf.Tensor1D | null;
}

/** A step of Adam and of the running average: the same arithmetic as tfjs's kernels would do one by one, in one pass and in place. */
export function adamOnHeap(
  { values, first, second, average }: AdamVectors,
  gradient: tf.Tensor1D,
  { rate, beta1, beta2, epsilon, decay }: Record<'rate' | 'beta1' | 'beta2' | 'epsilon' | 'decay', number>,
): void {
  const backend = tf.backend() as unknown as BackendWasm;
  const [w, m, v, g] = [values, first, second, gradient].map((tensor) => addressOf(backend, tensor)) as [number, number, number, number];
  const a = average ? addressOf(backend, average) : 0;
  simdOf(backend).adamStep(w, m, v, a, g, values.size, rate, beta1, beta2, epsilon, decay);
}

/**
 * Copies a vector into tensors, in place, one after the other: tfjs's own split copies the whole vector once for each part.
 *
 * @param tensors on the wasm backend; none may share its values with one that is still needed, or be the filter of a stock convolution
 *   (dilated, or not NHWC), which keeps what it once packed of it
 */
export function copyOnHeap(vector: tf.Tensor1D, tensors: readonly tf.Tensor[]): void {
  const backend = tf.backend() as unknown as BackendWasm;
  const values = floatsOf(backend, vector);
  let from = 0;
  for (const tensor of tensors) {
    floatsOf(backend, tensor).set(values.subarray(from, from + tensor.size));
    from += tensor.size;
  }
}

import * as tf from '@tensorflow/tfjs';

/** A number for each row, to go with images: [N, 1, 1, 1]. */
export const column = (values: readonly number[]) => tf.tensor4d([...values], [values.length, 1, 1, 1]);

/** The rows `at` of each tensor, in place of the tensors. */
export function gathered<T extends { [name: string]: tf.Tensor4D }>(tensors: T, at: readonly number[]): T {
  const indices = tf.tensor1d([...at], 'int32');
  const parts = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.gather(indices)])) as T;
  tf.dispose([...Object.values(tensors), indices]);
  return parts;
}

/** From first to last along half a cosine. */
export const cosineDecay = ({ first, last }: { first: number; last: number }, share: number) =>
  last + ((first - last) * (1 + Math.cos(Math.PI * share))) / 2;

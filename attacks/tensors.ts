import * as tf from '@tensorflow/tfjs';

/** The shape of an image. */
export interface ImageShape {
  height: number;
  width: number;
  channels: number;
}

/** The number of floats in an image. */
export const sizeOf = ({ height, width, channels }: ImageShape) => height * width * channels;

/** Flat images as a tensor, [N, H, W, C], which the caller disposes of. */
export function tensorOf({ input }: { input: ImageShape }, images: Float32Array): tf.Tensor4D {
  return tf.tensor4d(images, [images.length / sizeOf(input), input.height, input.width, input.channels]);
}

/** The flat images at these places. */
export function selectImages(images: Float32Array, at: readonly number[], size: number): Float32Array {
  const chosen = new Float32Array(at.length * size);
  for (const [to, from] of at.entries()) chosen.set(images.subarray(from * size, (from + 1) * size), to * size);
  return chosen;
}

/** One number for each image, to calculate with images: [N, 1, 1, 1]. */
export const column = (values: readonly number[]) => tf.tensor4d([...values], [values.length, 1, 1, 1]);

/** A condition for each image, for tf.where: [N, 1, 1, 1]. */
export const mask = (values: readonly boolean[]) => column(values.map(Number)).cast('bool');

/** Replaces each tensor by its rows `at`; the given tensors are disposed of. */
export function gatherRows<T extends { [name: string]: tf.Tensor4D }>(tensors: T, at: readonly number[]): T {
  const indices = tf.tensor1d([...at], 'int32');
  const parts = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.gather(indices)])) as T;
  tf.dispose([...Object.values(tensors), indices]);
  return parts;
}

/** Copies the values of a tensor out, and disposes of it and of the others. */
export function valuesOf(tensor: tf.Tensor, ...others: tf.Tensor[]): Float32Array {
  const values = tensor.dataSync() as Float32Array;
  tf.dispose([tensor, ...others]);
  return values;
}

/** Appends flat images to one another. */
export function concatImages(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

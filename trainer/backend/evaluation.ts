import * as tf from '@tensorflow/tfjs';
import type { Parameters } from '../gradient/parameters.ts';
import type { Backend } from './backends.ts';
import { useWasm } from './wasm/wasm.ts';
import { closeWebGpu } from './webgpu/webgpu.ts';

/**
 * Runs `work` where tensors can be read synchronously, as models, validation, calibration and report do: on the backend that trains, or,
 * where that is webgpu, on wasm. A tensor belongs to the backend on which it was made, so what `work` computes with has to be made by
 * an `evaluating` too, and only plain numbers or `copyParameters` go between them.
 */
export async function evaluating<T>({ name }: Pick<Backend, 'name'>, work: () => T | Promise<T>): Promise<T> {
  if (name !== 'webgpu') return work();
  const training = tf.getBackend();
  await useWasm();
  try {
    return await work();
  } finally {
    await tf.setBackend(training);
  }
}

/**
 * Gives the weights of a model made by `evaluating` values that were trained.
 *
 * @param values [count], of the backend that trains
 */
export async function copyParameters(backend: Pick<Backend, 'name'>, values: tf.Tensor1D, to: Parameters): Promise<void> {
  const copy = await values.data<'float32'>();
  await evaluating(backend, () => tf.tidy(() => to.assign(tf.tensor1d(copy))));
}

/** After the last step: frees a GPU, and all that follows is done where `evaluating` was. */
export async function endTraining({ name }: Pick<Backend, 'name'>): Promise<void> {
  if (name !== 'webgpu') return;
  await useWasm();
  closeWebGpu();
}

import { getKernel, Identity, Sum, type Tensor, type Tensor1D, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { RELU_GRAD } from '../relu-gradient.ts';
import { addressOf, allocate, type BackendWasm, floatsOf, free, type Kernel, loopsOf, withScratch } from './heap.ts';

const reluGradient: Kernel<Record<'dy' | 'x', TensorInfo>, unknown> = (backend, { dy, x }) => {
  const dx = allocate(backend, x.shape);
  loopsOf(backend).reluGradient(addressOf(backend, dy), addressOf(backend, x), addressOf(backend, dx), util.sizeFromShape(x.shape));
  return dx;
};

/** Gives the same values another name, where the stock kernel copies them; nothing writes into a tensor that is there already. */
const identity: Kernel<{ x: TensorInfo }, unknown> = (backend, { x: { dataId, shape, dtype } }) => {
  if (dtype === 'string') return null;
  backend.incRef(dataId);
  return { dataId, shape, dtype };
};

/** Sums over the first axes (the gradient of a bias), which the stock kernel does by a transpose of all; the rest is left to it. */
const sum: Kernel<{ x: TensorInfo }, { axis: number | number[]; keepDims: boolean }> = (backend, { x }, { axis, keepDims }) => {
  const axes = util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
  const first = axes.length < x.shape.length && axes.every((along, i) => along === i);
  const size = util.sizeFromShape(x.shape);
  if (!first || size === 0 || x.dtype !== 'float32') return null;
  const kept = x.shape.slice(axes.length);
  const n = util.sizeFromShape(kept);
  const sums = allocate(backend, keepDims ? [...axes.map(() => 1), ...kept] : kept);
  withScratch(backend, { quads: 4 * n }, ({ quads }) =>
    loopsOf(backend).sumRows(addressOf(backend, x), size / n, n, quads, addressOf(backend, sums)),
  );
  return sums;
};

export const vectorKernels = { [Identity]: identity, [RELU_GRAD]: reluGradient, [Sum]: sum };

/**
 * Makes a step of Adam and of the running average: the arithmetic that tfjs's kernels would do one by one, in one pass and in place.
 *
 * @param vectors as long as the parameters; none may share its values with another tensor
 */
export function adamOnHeap(
  backend: BackendWasm,
  vectors: Record<'values' | 'first' | 'second', Tensor1D> & { average: Tensor1D | null },
  gradient: Tensor1D,
  { rate, beta1, beta2, epsilon, decay }: Record<'rate' | 'beta1' | 'beta2' | 'epsilon' | 'decay', number>,
): void {
  const { values, first, second, average } = vectors;
  const addresses = [values, first, second, average, gradient].map((tensor) => (tensor ? addressOf(backend, tensor) : 0));
  loopsOf(backend).adamStep(...addresses, values.size, rate, beta1, beta2, epsilon, decay);
}

/**
 * Copies a vector into tensors, in place, one after the other: tfjs's own split copies the whole vector once for each part.
 *
 * @param tensors none may share its values with one that is still needed, or be the filter of a stock convolution (dilated, or not
 *   NHWC), which keeps what it once packed of it
 */
export function copyOnHeap(backend: BackendWasm, vector: Tensor1D, tensors: readonly Tensor[]): void {
  const values = floatsOf(backend, vector);
  let from = 0;
  for (const tensor of tensors) {
    floatsOf(backend, tensor).set(values.subarray(from, from + tensor.size));
    from += tensor.size;
  }
}

/** Attributes of a kernel that is fused with an activation. */
export interface Fused {
  activation: string;
  leakyreluAlpha?: number | undefined;
}

/** The kernels of the activations that a fused kernel may name. */
const KERNELS: Record<string, string | null> = {
  linear: null,
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
};

export const isKnown = (activation: string) => activation in KERNELS;

/** Returns the activation of `x`, which is freed; `x` itself where there is none. */
export function applyActivation(backend: BackendWasm, x: TensorInfo, { activation, leakyreluAlpha: alpha = 0 }: Fused): TensorInfo {
  const name = KERNELS[activation];
  if (!name) return x;
  const result = getKernel(name, 'wasm').kernelFunc({ inputs: { x }, attrs: { alpha }, backend }) as TensorInfo;
  free(backend, x);
  return result;
}

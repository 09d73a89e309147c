import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import { type BackendWasm, free } from './heap.ts';

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

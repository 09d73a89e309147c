import { BatchMatMul, getKernel, type KernelConfig, type KernelFunc, type TensorInfo, Transpose } from '@tensorflow/tfjs-core';
import { type BackendWasm, free } from '../wasm-heap.ts';

/**
 * BatchMatMul whose transposed operands are transposed first. The stock kernel is 10 to 50 times slower with `transposeA`
 * or `transposeB`, and every dense layer's gradient has one.
 */
export function batchMatMulKernel(stock: KernelFunc): KernelConfig {
  return {
    kernelName: BatchMatMul,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
      const a = inputs.a as TensorInfo;
      const b = inputs.b as TensorInfo;
      const wasm = backend as BackendWasm;
      const left = transposeA ? lastTwoSwapped(a, wasm) : a;
      const right = transposeB ? lastTwoSwapped(b, wasm) : b;
      const product = stock({ inputs: { a: left, b: right }, attrs: { transposeA: false, transposeB: false }, backend });
      if (transposeA) free(wasm, left);
      if (transposeB) free(wasm, right);
      return product;
    },
  };
}

function lastTwoSwapped(x: TensorInfo, backend: BackendWasm): TensorInfo {
  const perm = x.shape.map((_, i) => i);
  perm.push(...perm.splice(-2).reverse());
  return getKernel(Transpose, 'wasm').kernelFunc({ inputs: { x }, attrs: { perm }, backend }) as TensorInfo;
}

import { type KernelConfig, type KernelFunc, Sum, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { simdOf } from '../simd.ts';
import { addressOf, allocate, type BackendWasm, withRoom } from '../wasm/heap.ts';

/** Sums over the first axes (the gradient of a bias), which the stock kernel does by a transpose of all; the rest is left to it. */
export function sumKernel(stock: KernelFunc): KernelConfig {
  return {
    kernelName: Sum,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const x = inputs.x as TensorInfo;
      const { axis, keepDims } = attrs as unknown as { axis: number | number[]; keepDims: boolean };
      const axes = util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
      const first = axes.length < x.shape.length && axes.every((along, i) => along === i);
      const size = util.sizeFromShape(x.shape);
      if (!first || size === 0 || x.dtype !== 'float32') return stock({ inputs, attrs, backend });
      const wasm = backend as BackendWasm;
      const kept = x.shape.slice(axes.length);
      const n = util.sizeFromShape(kept);
      const sums = allocate(wasm, keepDims ? [...axes.map(() => 1), ...kept] : kept);
      withRoom(wasm, 4 * n, (quads) => simdOf(wasm).sumRows(addressOf(wasm, x), size / n, n, quads, addressOf(wasm, sums)));
      return sums;
    },
  };
}

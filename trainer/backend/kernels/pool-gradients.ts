import { AvgPoolGrad, backend_util, type KernelConfig, MaxPoolGrad, type TensorInfo } from '@tensorflow/tfjs-core';
import { simdOf } from '../simd.ts';
import { addressOf, allocate, type BackendWasm, floatsOf } from '../wasm/heap.ts';

interface Attrs {
  filterSize: [number, number] | number;
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** Gradient of max pooling; the stock kernel drops that of windows whose maximum is not above 0. */
export const maxPoolGradKernel: KernelConfig = {
  kernelName: MaxPoolGrad,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm;
    const [x, dy] = [inputs.input as TensorInfo, inputs.dy as TensorInfo];
    const { dx, geometry } = prepared(wasm, x, attrs as unknown as Attrs);
    simdOf(wasm).maxPoolGradient(addressOf(wasm, x), addressOf(wasm, dy), addressOf(wasm, dx), ...geometry);
    return dx;
  },
};

/** Gradient of average pooling; pixels of the padding are not counted, as in the forward pass. */
export const averagePoolGradKernel: KernelConfig = {
  kernelName: AvgPoolGrad,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm;
    const [x, dy] = [inputs.input as TensorInfo, inputs.dy as TensorInfo];
    const { dx, geometry } = prepared(wasm, x, attrs as unknown as Attrs);
    simdOf(wasm).averagePoolGradient(addressOf(wasm, dy), addressOf(wasm, dx), ...geometry);
    return dx;
  },
};

/** dx of zeros, and the sizes as the loops take them. */
function prepared(backend: BackendWasm, x: TensorInfo, { filterSize, strides, pad, dimRoundingMode }: Attrs) {
  const g = backend_util.computePool2DInfo(x.shape as [number, number, number, number], filterSize, strides, 1, pad, dimRoundingMode);
  const dx = allocate(backend, x.shape);
  floatsOf(backend, dx).fill(0);
  const geometry = [
    ...[g.batchSize, g.inHeight, g.inWidth, g.inChannels, g.outHeight, g.outWidth],
    ...[g.filterHeight, g.filterWidth, g.strideHeight, g.strideWidth, g.padInfo.top, g.padInfo.left],
  ];
  return { dx, geometry };
}

import { BatchMatMul, backend_util, Conv2DBackpropFilter, getKernel, type KernelConfig, type TensorInfo } from '@tensorflow/tfjs-core';
import { gatherPatches, imagesAtOnce } from '../patches.ts';
import { allocate, type BackendWasm, floatsOf, free } from '../wasm-heap.ts';

interface Attrs {
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  dataFormat: 'NHWC' | 'NCHW';
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  filterShape: [number, number, number, number];
}

/**
 * Gradient of a convolution's filter, which the stock wasm backend lacks: im2col, then one matrix product,
 * patches [fh fw cin, B oh ow] · dy [B oh ow, cout]. Any stride, any padding, any size.
 */
export const conv2DBackpropFilterKernel: KernelConfig = {
  kernelName: Conv2DBackpropFilter,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm;
    const x = inputs.x as TensorInfo;
    const dy = inputs.dy as TensorInfo;
    const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs as unknown as Attrs;
    if (dataFormat !== 'NHWC') throw new Error(`the filter gradient on wasm takes NHWC only, not ${dataFormat}`);
    const g = backend_util.computeConv2DInfo(x.shape as [number, number, number, number], filterShape, strides, 1, pad, dimRoundingMode);
    const positions = g.outHeight * g.outWidth;
    const taps = g.filterHeight * g.filterWidth * g.inChannels;
    const product = getKernel(BatchMatMul, 'wasm').kernelFunc;
    const result = allocate(wasm, filterShape);
    floatsOf(wasm, result).fill(0);
    const atOnce = imagesAtOnce(g, g.batchSize);
    for (let first = 0; first < g.batchSize; first += atOnce) {
      const count = Math.min(atOnce, g.batchSize - first);
      const patches = allocate(wasm, [1, taps, count * positions]);
      const slope = allocate(wasm, [1, count * positions, g.outChannels]);
      gatherPatches(floatsOf(wasm, x), first, count, g, floatsOf(wasm, patches));
      const rows = floatsOf(wasm, dy).subarray(first * positions * g.outChannels, (first + count) * positions * g.outChannels);
      floatsOf(wasm, slope).set(rows);
      const part = product({ inputs: { a: patches, b: slope }, attrs: { transposeA: false, transposeB: false }, backend }) as TensorInfo;
      const sum = floatsOf(wasm, result);
      floatsOf(wasm, part).forEach((value, i) => {
        sum[i] = (sum[i] as number) + value;
      });
      for (const tensor of [patches, slope, part]) free(wasm, tensor);
    }
    return result;
  },
};

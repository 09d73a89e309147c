import {
  BatchMatMul,
  backend_util,
  Conv2D,
  Conv2DBackpropInput,
  getKernel,
  type KernelConfig,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { imagesAtOnce, scatterPatches } from '../patches.ts';
import { allocate, type BackendWasm, floatsOf, free } from '../wasm-heap.ts';

interface Attrs {
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  dataFormat: 'NHWC' | 'NCHW';
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  inputShape: [number, number, number, number];
}

/**
 * Gradient of a convolution's input, and the forward pass of a transposed convolution. The stock kernel is a naive loop.
 * Stride 1: a convolution of dy with the filter turned round. Otherwise: dy · filter^T, then col2im.
 */
export const conv2DBackpropInputKernel: KernelConfig = {
  kernelName: Conv2DBackpropInput,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm;
    const dy = inputs.dy as TensorInfo;
    const filter = inputs.filter as TensorInfo;
    const { strides, pad, dataFormat, dimRoundingMode, inputShape } = attrs as unknown as Attrs;
    if (dataFormat !== 'NHWC') throw new Error(`the input gradient on wasm takes NHWC only, not ${dataFormat}`);
    const g = backend_util.computeConv2DInfo(
      inputShape,
      filter.shape as [number, number, number, number],
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    return g.strideHeight === 1 && g.strideWidth === 1 ? byConvolution(dy, filter, g, wasm) : byPatches(dy, filter, g, wasm);
  },
};

function byConvolution(dy: TensorInfo, filter: TensorInfo, g: backend_util.Conv2DInfo, backend: BackendWasm): TensorInfo {
  const { filterHeight: fh, filterWidth: fw, inChannels: cin, outChannels: cout, padInfo } = g;
  const turned = allocate(backend, [fh, fw, cout, cin]);
  const [from, to] = [floatsOf(backend, filter), floatsOf(backend, turned)];
  for (let tap = 0; tap < fh * fw; tap++) {
    const opposite = fh * fw - 1 - tap;
    for (let ci = 0; ci < cin; ci++) {
      for (let co = 0; co < cout; co++) to[(opposite * cout + co) * cin + ci] = from[(tap * cin + ci) * cout + co] as number;
    }
  }
  const pad: backend_util.ExplicitPadding = [
    [0, 0],
    [fh - 1 - padInfo.top, fh - 1 - padInfo.bottom],
    [fw - 1 - padInfo.left, fw - 1 - padInfo.right],
    [0, 0],
  ];
  const attrs = { strides: 1, pad, dataFormat: 'NHWC', dilations: 1 };
  const dx = getKernel(Conv2D, 'wasm').kernelFunc({ inputs: { x: dy, filter: turned }, attrs: attrs as never, backend }) as TensorInfo;
  free(backend, turned);
  return dx;
}

function byPatches(dy: TensorInfo, filter: TensorInfo, g: backend_util.Conv2DInfo, backend: BackendWasm): TensorInfo {
  const taps = g.filterHeight * g.filterWidth * g.inChannels;
  const positions = g.outHeight * g.outWidth;
  const product = getKernel(BatchMatMul, 'wasm').kernelFunc;
  const dx = allocate(backend, g.inShape);
  floatsOf(backend, dx).fill(0);
  const transposed = allocate(backend, [1, g.outChannels, taps]);
  const [from, to] = [floatsOf(backend, filter), floatsOf(backend, transposed)];
  for (let tap = 0; tap < taps; tap++) {
    for (let co = 0; co < g.outChannels; co++) to[co * taps + tap] = from[tap * g.outChannels + co] as number;
  }
  const atOnce = imagesAtOnce(g, g.batchSize);
  for (let first = 0; first < g.batchSize; first += atOnce) {
    const count = Math.min(atOnce, g.batchSize - first);
    const slope = allocate(backend, [1, count * positions, g.outChannels]);
    const rows = floatsOf(backend, dy).subarray(first * positions * g.outChannels, (first + count) * positions * g.outChannels);
    floatsOf(backend, slope).set(rows);
    const patches = product({
      inputs: { a: slope, b: transposed },
      attrs: { transposeA: false, transposeB: false },
      backend,
    }) as TensorInfo;
    scatterPatches(floatsOf(backend, patches), first, count, g, floatsOf(backend, dx));
    for (const tensor of [slope, patches]) free(backend, tensor);
  }
  free(backend, transposed);
  return dx;
}

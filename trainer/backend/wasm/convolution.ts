import { Conv2DBackpropInput, type KernelConfig, type TensorInfo } from '@tensorflow/tfjs-core';
import { type Phase, reachOf, transposedPhases } from '../../../shared/kernels/geometry.ts';
import { isFast } from '../fast-blocks.ts';
import type { Matrix } from '../packed-weights.ts';
import { addressOf, allocate, type BackendWasm, floatsOf } from './heap.ts';
import { windowProduct } from './product.ts';
import { type ConvolutionAttrs, type Geometry, geometryOf, pixelSteps, withPadded } from './windows.ts';
import { fastInputGradient } from './winograd.ts';

/**
 * Gradient of a convolution's input, and the forward pass of a transposed convolution. With stride s the pixels of dx fall into
 * s x s interleaved images; each meets its own taps of the filter, every s-th, and is a convolution of dy with stride 1.
 */
export const conv2DBackpropInputKernel: KernelConfig = {
  kernelName: Conv2DBackpropInput,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm;
    const [dy, filter] = [inputs.dy as TensorInfo, inputs.filter as TensorInfo];
    const options = attrs as unknown as ConvolutionAttrs & { inputShape: number[] };
    if (options.dataFormat !== 'NHWC') throw new Error(`the input gradient on wasm takes NHWC only, not ${options.dataFormat}`);
    const g = geometryOf(options.inputShape, filter.shape, options);
    return isFast(g) ? fastInputGradient(wasm, dy, filter, g) : inputGradient(wasm, dy, filter, g);
  },
};

function inputGradient(backend: BackendWasm, dy: TensorInfo, filter: TensorInfo, g: Geometry): TensorInfo {
  const { inChannels: cin, outChannels: cout, filterWidth } = g;
  const dx = allocate(backend, g.inShape);
  const vertical = phasesOf(g.inHeight, g.outHeight, g.filterHeight, g.strideHeight, g.padInfo.top);
  const horizontal = phasesOf(g.inWidth, g.outWidth, g.filterWidth, g.strideWidth, g.padInfo.left);
  const all = pixelSteps(g.inHeight, g.inWidth, cin);
  // A phase without taps (a stride that is longer than the filter) leaves its pixels as they are.
  if (g.strideHeight > g.filterHeight || g.strideWidth > g.filterWidth) floatsOf(backend, dx).fill(0);
  const place = { top: vertical.before, left: horizontal.before, height: vertical.size, width: horizontal.size };
  withPadded(backend, dy, place, ({ address, rowStep, imageStep }) => {
    for (const v of vertical.phases) {
      for (const h of horizontal.phases) {
        const windows = {
          address: address + v.start * rowStep + 4 * h.start * cout,
          steps: { image: imageStep, row: rowStep, col: 4 * cout },
          images: g.batchSize,
          rows: v.count,
          cols: h.count,
          runs: v.taps.length,
          runLength: h.taps.length * cout,
          runStep: rowStep,
        };
        const weights = v.taps.flatMap((fh) => h.taps.map((fw) => transposedTap(backend, filter, fh * filterWidth + fw, cin, cout)));
        const steps = { image: all.image, row: g.strideHeight * all.row, col: g.strideWidth * all.col };
        const result = { address: addressOf(backend, dx) + v.pixel * all.row + h.pixel * all.col, steps };
        windowProduct(backend, windows, weights, cin, undefined, result);
      }
    }
  });
  return dx;
}

/** One tap of a filter [fh, fw, cin, cout] as a matrix [cout, cin]. */
function transposedTap(backend: BackendWasm, filter: TensorInfo, tap: number, cin: number, cout: number): Matrix {
  return { address: addressOf(backend, filter) + 4 * tap * cin * cout, rowStep: 4, colStep: 4 * cout, rows: cout };
}

/** The phases of dx along one axis that meet a tap, each with its first pixel, and the sides of dy with what they reach beyond it. */
function phasesOf(inSize: number, outSize: number, filterSize: number, stride: number, pad: number) {
  const phases = transposedPhases(inSize, filterSize, stride, pad)
    .map((phase: Phase, pixel) => ({ ...phase, pixel }))
    .filter(({ taps }) => taps.length > 0);
  const [before, after] = reachOf(phases, outSize);
  return { before, size: before + outSize + after, phases: phases.map((phase) => ({ ...phase, start: before + phase.start })) };
}

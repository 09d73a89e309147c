import { Conv2D, Conv2DBackpropFilter, Conv2DBackpropInput, FusedConv2D, type TensorInfo } from '@tensorflow/tfjs-core';
import { reachOf, transposedPhases } from '../../../shared/kernels/geometry.ts';
import { addressOf, allocate, type BackendWasm, floatsOf, type Kernel } from './heap.ts';
import { windowGradients, windowProduct } from './product.ts';
import { applyActivation, type Fused, isKnown } from './vectors.ts';
import { type ConvolutionAttrs, type Geometry, geometryOf, pixelSteps, withPadded, withWindows } from './windows.ts';

/**
 * Returns the kernels of convolutions, of any stride and padding: forward (alone, and fused with bias and activation, which tfjs asks
 * for where no gradient is wanted), the input's gradient and the filter's, which the stock backend lacks. Convolutions that are
 * dilated, or not NHWC, are left to the stock kernels.
 */
export function convolutionKernels() {
  const convolution: Kernel<{ x: TensorInfo; filter: TensorInfo; bias?: TensorInfo }, ConvolutionAttrs & Partial<Fused>> = (
    backend,
    { x, filter, bias },
    attrs,
  ) => {
    const { activation = 'linear', leakyreluAlpha } = attrs;
    const g = geometryOf(x.shape, filter.shape, attrs);
    if (!isPlain(g, attrs) || !isKnown(activation)) return null;
    return applyActivation(backend, convolved(backend, x, filter, bias, g), { activation, leakyreluAlpha });
  };
  const inputGradient: Kernel<Record<'dy' | 'filter', TensorInfo>, ConvolutionAttrs & { inputShape: number[] }> = (
    backend,
    { dy, filter },
    attrs,
  ) => {
    const g = geometryOf(attrs.inputShape, filter.shape, attrs);
    return isPlain(g, attrs) ? inputGradientOf(backend, dy, filter, g) : null;
  };
  const filterGradient: Kernel<Record<'x' | 'dy', TensorInfo>, ConvolutionAttrs & { filterShape: number[] }> = (
    backend,
    { x, dy },
    attrs,
  ) => {
    const g = geometryOf(x.shape, attrs.filterShape, attrs);
    if (!isPlain(g, attrs)) return null;
    const result = allocate(backend, attrs.filterShape);
    const [gradients, sums] = [addressOf(backend, dy), addressOf(backend, result)];
    withWindows(backend, x, g, (windows) => windowGradients(backend, windows, gradients, g.outChannels, sums));
    return result;
  };
  return {
    [Conv2D]: convolution,
    [FusedConv2D]: convolution,
    [Conv2DBackpropInput]: inputGradient,
    [Conv2DBackpropFilter]: filterGradient,
  };
}

function isPlain(g: Geometry, { dataFormat }: ConvolutionAttrs): boolean {
  return dataFormat === 'NHWC' && g.dilationHeight === 1 && g.dilationWidth === 1;
}

function convolved(backend: BackendWasm, x: TensorInfo, filter: TensorInfo, bias: TensorInfo | undefined, g: Geometry): TensorInfo {
  const y = allocate(backend, g.outShape);
  const n = g.outChannels;
  withWindows(backend, x, g, (windows) => {
    const rows = windows.runs * windows.runLength;
    const weights = { address: addressOf(backend, filter), rowStep: 4 * n, colStep: 4, rows };
    const result = { address: addressOf(backend, y), steps: pixelSteps(g.outHeight, g.outWidth, n) };
    windowProduct(backend, windows, [weights], n, bias && addressOf(backend, bias), result);
  });
  return y;
}

/**
 * Returns the gradient of a convolution's input, which is also the forward pass of a transposed convolution. With stride s the pixels
 * of dx fall into s x s interleaved images; each meets its own taps of the filter, every s-th, and is a convolution of dy with stride 1.
 */
function inputGradientOf(backend: BackendWasm, dy: TensorInfo, filter: TensorInfo, g: Geometry): TensorInfo {
  const { inChannels: cin, outChannels: cout, filterWidth } = g;
  const dx = allocate(backend, g.inShape);
  const vertical = phasesOf(g.inHeight, g.outHeight, g.filterHeight, g.strideHeight, g.padInfo.top);
  const horizontal = phasesOf(g.inWidth, g.outWidth, g.filterWidth, g.strideWidth, g.padInfo.left);
  const all = pixelSteps(g.inHeight, g.inWidth, cin);
  // A phase without taps (a stride that is longer than the filter) leaves its pixels as they are.
  if (g.strideHeight > g.filterHeight || g.strideWidth > g.filterWidth) floatsOf(backend, dx).fill(0);
  const place = { top: vertical.before, left: horizontal.before, height: vertical.size, width: horizontal.size };
  /** Returns a tap of the filter [fh, fw, cin, cout] as a matrix [cout, cin]. */
  const transposedTap = (tap: number) => ({
    ...{ address: addressOf(backend, filter) + 4 * tap * cin * cout, rowStep: 4, colStep: 4 * cout, rows: cout },
  });
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
        const weights = v.taps.flatMap((fh) => h.taps.map((fw) => transposedTap(fh * filterWidth + fw)));
        const steps = { image: all.image, row: g.strideHeight * all.row, col: g.strideWidth * all.col };
        const result = { address: addressOf(backend, dx) + v.pixel * all.row + h.pixel * all.col, steps };
        windowProduct(backend, windows, weights, cin, undefined, result);
      }
    }
  });
  return dx;
}

/** Returns the phases of dx along one axis that meet a tap, each with its first pixel, and how dy is padded for them. */
function phasesOf(inSize: number, outSize: number, filterSize: number, stride: number, pad: number) {
  const phases = transposedPhases(inSize, filterSize, stride, pad)
    .map((phase, pixel) => ({ ...phase, pixel }))
    .filter(({ taps }) => taps.length > 0);
  const [before, after] = reachOf(phases, outSize);
  return { before, size: before + outSize + after, phases: phases.map((phase) => ({ ...phase, start: before + phase.start })) };
}

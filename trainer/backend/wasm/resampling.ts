import { backend_util, MaxPoolGrad, ResizeNearestNeighbor, ResizeNearestNeighborGrad, type TensorInfo } from '@tensorflow/tfjs-core';
import { addressOf, allocate, floatsOf, type Kernel, loopsOf } from './heap.ts';
import type { ConvolutionAttrs, Shape4D } from './windows.ts';

/** The gradient of max pooling; the stock kernel drops that of windows whose maximum is not above 0. */
const maxPoolGradient: Kernel<Record<'input' | 'dy', TensorInfo>, ConvolutionAttrs & { filterSize: [number, number] | number }> = (
  backend,
  { input: x, dy },
  { filterSize, strides, pad, dimRoundingMode },
) => {
  const g = backend_util.computePool2DInfo(x.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
  const dx = allocate(backend, x.shape);
  floatsOf(backend, dx).fill(0);
  const sizes = [g.batchSize, g.inHeight, g.inWidth, g.inChannels, g.outHeight, g.outWidth];
  const window = [g.filterHeight, g.filterWidth, g.strideHeight, g.strideWidth, g.padInfo.top, g.padInfo.left];
  loopsOf(backend).maxPoolGradient(addressOf(backend, x), addressOf(backend, dy), addressOf(backend, dx), ...sizes, ...window);
  return dx;
};

interface ResizeAttrs {
  alignCorners: boolean;
  halfPixelCenters?: boolean;
}

/** Nearest neighbour to a whole multiple of the size (UpSampling2D); other sizes are left to the stock kernel. */
const upSample: Kernel<{ images: TensorInfo }, ResizeAttrs & { size: [number, number] }> = (backend, { images }, attrs) => {
  const [batch, height, width, channels] = images.shape as Shape4D;
  const factors = factorsOf(images, attrs.size, attrs);
  if (!factors) return null;
  const y = allocate(backend, [batch, ...attrs.size, channels]);
  loopsOf(backend).upSample(addressOf(backend, images), addressOf(backend, y), batch * height, width, channels, ...factors);
  return y;
};

/** The gradient of up-sampling: the sum over each pixel's copies. */
const upSampleGradient: Kernel<Record<'images' | 'dy', TensorInfo>, ResizeAttrs> = (backend, { images, dy }, attrs) => {
  const [batch, height, width, channels] = images.shape as Shape4D;
  const factors = factorsOf(images, dy.shape.slice(1, 3), attrs);
  if (!factors) return null;
  const dx = allocate(backend, images.shape);
  loopsOf(backend).upSampleGradient(addressOf(backend, dy), addressOf(backend, dx), batch * height, width, channels, ...factors);
  return dx;
};

export const resamplingKernels = {
  [MaxPoolGrad]: maxPoolGradient,
  [ResizeNearestNeighbor]: upSample,
  [ResizeNearestNeighborGrad]: upSampleGradient,
};

/** Returns how often each pixel stands in the result, down and across; undefined where that is not the same for all. */
function factorsOf({ shape, dtype }: TensorInfo, size: number[], attrs: ResizeAttrs): [number, number] | undefined {
  const factors = size.map((out, i) => out / (shape[i + 1] as number)) as [number, number];
  if (attrs.alignCorners || attrs.halfPixelCenters || dtype !== 'float32') return undefined;
  return factors.every((factor) => Number.isInteger(factor) && factor > 0) ? factors : undefined;
}

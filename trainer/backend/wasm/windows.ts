import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import { addressOf, allocate, type BackendWasm, free, loopsOf } from './heap.ts';
import type { Windows } from './product.ts';

export type Shape4D = [number, number, number, number];

/** A convolution as tfjs describes it: NHWC, sizes, strides and padding. */
export type Geometry = backend_util.Conv2DInfo;

/** Attributes of tfjs's convolution kernels. */
export interface ConvolutionAttrs {
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  dataFormat: 'NHWC' | 'NCHW';
  dilations?: [number, number] | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export function geometryOf(inShape: number[], filterShape: number[], attrs: ConvolutionAttrs): Geometry {
  const { strides, pad, dilations = 1, dimRoundingMode } = attrs;
  return backend_util.computeConv2DInfo(inShape as Shape4D, filterShape as Shape4D, strides, dilations, pad, dimRoundingMode);
}

/** Images [count, height, width, channels] on the heap, with zeros around; steps in bytes. */
type PaddedImages = Record<'address' | 'rowStep' | 'imageStep', number>;

/** The place of an image within a larger one. */
type Place = Record<'top' | 'left' | 'height' | 'width', number>;

/** Runs `work` with x in images of height x width, the first pixel at (top, left); a copy is made only where it must be. */
export function withPadded(backend: BackendWasm, x: TensorInfo, place: Place, work: (images: PaddedImages) => void): void {
  const [count, inHeight, inWidth, channels] = x.shape as Shape4D;
  const { top, left, height, width } = place;
  if (top === 0 && left === 0 && height <= inHeight && width <= inWidth) {
    const rowStep = 4 * inWidth * channels;
    work({ address: addressOf(backend, x), rowStep, imageStep: inHeight * rowStep });
    return;
  }
  const padded = allocate(backend, [count, height, width, channels]);
  const rowStep = 4 * width * channels;
  const address = addressOf(backend, padded);
  const from = [addressOf(backend, x), count, inHeight, 4 * inWidth * channels];
  loopsOf(backend).padImages(...from, address, height, rowStep, top, 4 * left * channels);
  try {
    work({ address, rowStep, imageStep: height * rowStep });
  } finally {
    free(backend, padded);
  }
}

/** Runs `work` with the windows that a convolution without dilation takes of x. */
export function withWindows(backend: BackendWasm, x: TensorInfo, g: Geometry, work: (windows: Windows) => void): void {
  const [height, width] = [(g.outHeight - 1) * g.strideHeight + g.filterHeight, (g.outWidth - 1) * g.strideWidth + g.filterWidth];
  withPadded(backend, x, { top: g.padInfo.top, left: g.padInfo.left, height, width }, ({ address, rowStep, imageStep }) =>
    work({
      address,
      steps: { image: imageStep, row: g.strideHeight * rowStep, col: 4 * g.strideWidth * g.inChannels },
      images: g.batchSize,
      rows: g.outHeight,
      cols: g.outWidth,
      runs: g.filterHeight,
      runLength: g.filterWidth * g.inChannels,
      runStep: rowStep,
    }),
  );
}

/** Returns the steps between the pixels of a tensor [*, height, width, channels]. */
export function pixelSteps(height: number, width: number, channels: number) {
  return { image: 4 * height * width * channels, row: 4 * width * channels, col: 4 * channels };
}

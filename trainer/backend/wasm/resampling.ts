import {
  type KernelConfig,
  type KernelFunc,
  ResizeNearestNeighbor,
  ResizeNearestNeighborGrad,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { simdOf } from '../simd.ts';
import { addressOf, allocate, type BackendWasm } from './heap.ts';

type Shape4D = [number, number, number, number];

/** Nearest neighbour to a whole multiple of the size (UpSampling2D); other sizes are left to the stock kernel. */
export function upSampleKernel(stock: KernelFunc): KernelConfig {
  return {
    kernelName: ResizeNearestNeighbor,
    backendName: 'wasm',
    kernelFunc: (call) => {
      const images = call.inputs.images as TensorInfo;
      const [batch, height, width, channels] = images.shape as Shape4D;
      const [outHeight, outWidth] = (call.attrs as unknown as { size: [number, number] }).size;
      const factors = factorsOf(call, images, [height, width], [outHeight, outWidth]);
      if (!factors) return stock(call);
      const wasm = call.backend as BackendWasm;
      const y = allocate(wasm, [batch, outHeight, outWidth, channels]);
      simdOf(wasm).upSample(addressOf(wasm, images), addressOf(wasm, y), batch * height, width, channels, ...factors);
      return y;
    },
  };
}

/** Its gradient: the sum over each pixel's copies. */
export function upSampleGradKernel(stock: KernelFunc): KernelConfig {
  return {
    kernelName: ResizeNearestNeighborGrad,
    backendName: 'wasm',
    kernelFunc: (call) => {
      const [images, dy] = [call.inputs.images as TensorInfo, call.inputs.dy as TensorInfo];
      const [batch, height, width, channels] = images.shape as Shape4D;
      const [, outHeight, outWidth] = dy.shape as Shape4D;
      const factors = factorsOf(call, images, [height, width], [outHeight, outWidth]);
      if (!factors) return stock(call);
      const wasm = call.backend as BackendWasm;
      const dx = allocate(wasm, images.shape);
      simdOf(wasm).upSampleGradient(addressOf(wasm, dy), addressOf(wasm, dx), batch * height, width, channels, ...factors);
      return dx;
    },
  };
}

/** How often each pixel stands in the result, down and across; undefined where that is not the same for all. */
function factorsOf(
  { attrs }: Parameters<KernelFunc>[0],
  images: TensorInfo,
  size: [number, number],
  outSize: [number, number],
): [number, number] | undefined {
  const { alignCorners, halfPixelCenters } = attrs as unknown as { alignCorners: boolean; halfPixelCenters?: boolean };
  const factors = outSize.map((out, i) => out / (size[i] as number)) as [number, number];
  if (alignCorners || halfPixelCenters || images.dtype !== 'float32') return undefined;
  return factors.every((factor) => Number.isInteger(factor) && factor > 0) ? factors : undefined;
}

import { Conv2D, FusedConv2D, getKernel, type KernelConfig, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import { isFast } from '../fast-blocks.ts';
import { fastConvolution } from '../fast-convolution.ts';
import { addressOf, allocate, type BackendWasm, free } from '../wasm/heap.ts';
import { windowProduct } from '../wasm/product.ts';
import { type ConvolutionAttrs, type Geometry, geometryOf, pixelSteps, withWindows } from '../wasm/windows.ts';

/** Activations that a fused kernel may name, and the kernel of each. */
export const ACTIVATIONS: Record<string, string> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  leakyrelu: 'LeakyRelu',
};

/** Convolution, any stride and padding. What is dilated, or not NHWC, is left to the stock kernel. */
export function conv2DKernel(stock: KernelFunc): KernelConfig {
  return {
    kernelName: Conv2D,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const [x, filter] = [inputs.x as TensorInfo, inputs.filter as TensorInfo];
      const options = attrs as unknown as ConvolutionAttrs;
      const g = geometryOf(x.shape, filter.shape, options);
      if (!ours(g, options)) return stock({ inputs, attrs, backend });
      return convolved(backend as BackendWasm, x, filter, undefined, g);
    },
  };
}

/** Convolution, bias and activation, which tfjs asks for where no gradient is wanted. */
export function fusedConv2DKernel(stock: KernelFunc): KernelConfig {
  return {
    kernelName: FusedConv2D,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const [x, filter] = [inputs.x as TensorInfo, inputs.filter as TensorInfo];
      const options = attrs as unknown as ConvolutionAttrs & { activation: string; leakyreluAlpha?: number };
      const g = geometryOf(x.shape, filter.shape, options);
      const name = ACTIVATIONS[options.activation];
      if (!ours(g, options) || (!name && options.activation !== 'linear')) return stock({ inputs, attrs, backend });
      const wasm = backend as BackendWasm;
      return activated(wasm, convolved(wasm, x, filter, inputs.bias as TensorInfo | undefined, g), name, options.leakyreluAlpha);
    },
  };
}

/** The activation of `x`, which is freed; `x` itself where there is none. */
export function activated(backend: BackendWasm, x: TensorInfo, name: string | undefined, alpha = 0): TensorInfo {
  if (!name) return x;
  const result = getKernel(name, 'wasm').kernelFunc({ inputs: { x }, attrs: { alpha }, backend }) as TensorInfo;
  free(backend, x);
  return result;
}

function ours(g: Geometry, { dataFormat }: ConvolutionAttrs): boolean {
  return dataFormat === 'NHWC' && g.dilationHeight === 1 && g.dilationWidth === 1;
}

function convolved(backend: BackendWasm, x: TensorInfo, filter: TensorInfo, bias: TensorInfo | undefined, g: Geometry): TensorInfo {
  if (isFast(g)) return fastConvolution(backend, x, filter, bias, g);
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

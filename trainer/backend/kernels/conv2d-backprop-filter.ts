import { Conv2DBackpropFilter, type KernelConfig, type TensorInfo } from '@tensorflow/tfjs-core';
import { isFast } from '../fast-blocks.ts';
import { addressOf, allocate, type BackendWasm } from '../wasm/heap.ts';
import { windowGradients } from '../wasm/product.ts';
import { type ConvolutionAttrs, geometryOf, withWindows } from '../wasm/windows.ts';
import { fastFilterGradient } from '../wasm/winograd.ts';

/** Gradient of a convolution's filter, which the stock wasm backend lacks. Any stride, any padding, any size. */
export const conv2DBackpropFilterKernel: KernelConfig = {
  kernelName: Conv2DBackpropFilter,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm;
    const [x, dy] = [inputs.x as TensorInfo, inputs.dy as TensorInfo];
    const options = attrs as unknown as ConvolutionAttrs & { filterShape: number[] };
    if (options.dataFormat !== 'NHWC') throw new Error(`the filter gradient on wasm takes NHWC only, not ${options.dataFormat}`);
    const g = geometryOf(x.shape, options.filterShape, options);
    if (isFast(g)) return fastFilterGradient(wasm, x, dy, g);
    const result = allocate(wasm, options.filterShape);
    withWindows(wasm, x, g, (windows) => windowGradients(wasm, windows, addressOf(wasm, dy), g.outChannels, addressOf(wasm, result)));
    return result;
  },
};

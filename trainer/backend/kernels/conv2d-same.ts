import { backend_util, type KernelConfig, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';

interface Attrs {
  strides: [number, number] | number;
  dilations: [number, number] | number;
  pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
}

/**
 * Conv2D and FusedConv2D with 'same' padding written out. The stock kernels (tfjs 4.22) answer zeros, without an error, where
 * the filter is smaller than the stride.
 */
export function conv2DSameKernel(kernelName: string, stock: KernelFunc): KernelConfig {
  return {
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { strides, dilations, pad } = attrs as unknown as Attrs;
      if (pad !== 'same') return stock({ inputs, attrs, backend });
      const shapeOf = (name: string) => (inputs[name] as TensorInfo).shape as [number, number, number, number];
      const { padInfo } = backend_util.computeConv2DInfo(shapeOf('x'), shapeOf('filter'), strides, dilations, pad);
      const { top, bottom, left, right } = padInfo;
      const explicit = [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ];
      return stock({ inputs, attrs: { ...attrs, pad: explicit as never }, backend });
    },
  };
}

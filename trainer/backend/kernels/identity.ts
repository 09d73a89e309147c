import { Identity, type KernelConfig, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core';
import type { BackendWasm } from '../wasm/heap.ts';

/** The same values under another name, which the stock kernel copies; nothing writes into a tensor that is there already. */
export function identityKernel(stock: KernelFunc): KernelConfig {
  return {
    kernelName: Identity,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { dataId, shape, dtype } = inputs.x as TensorInfo;
      if (dtype === 'string') return stock({ inputs, attrs, backend });
      (backend as BackendWasm).incRef(dataId);
      return { dataId, shape, dtype };
    },
  };
}

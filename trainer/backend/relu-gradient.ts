import {
  engine,
  type GradConfig,
  getGradient,
  getKernel,
  type KernelConfig,
  Relu,
  registerGradient,
  registerKernel,
  type Tensor,
  type TensorInfo,
  unregisterGradient,
  util,
} from '@tensorflow/tfjs-core';
import { simdOf } from './simd.ts';
import { addressOf, allocate, type BackendWasm } from './wasm/heap.ts';

const RELU_GRAD = 'PortcullisReluGrad';

/** On the wasm backend. */
export const reluGradOnWasm: KernelConfig = {
  kernelName: RELU_GRAD,
  backendName: 'wasm',
  kernelFunc: ({ inputs, backend }) => {
    const wasm = backend as BackendWasm;
    const [dy, x] = [inputs.dy as TensorInfo, inputs.x as TensorInfo];
    const dx = allocate(wasm, x.shape);
    simdOf(wasm).reluGradient(addressOf(wasm, dy), addressOf(wasm, x), addressOf(wasm, dx), util.sizeFromShape(x.shape));
    return dx;
  },
};

/** On tfjs-node: TensorFlow's own, which tfjs-node does not name. */
export const reluGradOnTensorFlow = (backendName: string): KernelConfig => ({
  kernelName: RELU_GRAD,
  backendName,
  kernelFunc: ({ inputs, backend }) => {
    const { binding, executeSingleOutput } = backend as unknown as TfjsNode;
    const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
    return executeSingleOutput.call(backend, 'ReluGrad', [type], [inputs.dy as TensorInfo, inputs.x as TensorInfo]);
  },
});

interface TfjsNode {
  binding: { TF_ATTR_TYPE: number; TF_FLOAT: number };
  executeSingleOutput(operation: string, attributes: object[], inputs: TensorInfo[]): TensorInfo;
}

/**
 * One kernel for the gradient of ReLU, for which tfjs takes three (step, cast, mul), and tfjs-node ten (its step selects among
 * constants as large as x, twice). Backends without it keep tfjs's.
 */
export function registerReluGradient(kernel: KernelConfig): void {
  if (!getKernel(RELU_GRAD, kernel.backendName)) registerKernel(kernel);
  if (registered) return;
  registered = true;
  const stock = getGradient(Relu) as GradConfig;
  unregisterGradient(Relu);
  registerGradient({
    ...stock,
    gradFunc: (dy, saved, attrs) => {
      const [x] = saved;
      if (!getKernel(RELU_GRAD, engine().backendName) || x?.dtype !== 'float32') return stock.gradFunc(dy, saved, attrs);
      return { x: () => engine().runKernel(RELU_GRAD, { dy: dy as Tensor, x }) as Tensor };
    },
  });
}

let registered = false;

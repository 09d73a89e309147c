import {
  engine,
  type GradConfig,
  getGradient,
  type KernelConfig,
  Relu,
  registerGradient,
  registerKernel,
  type Tensor,
  type TensorInfo,
  unregisterGradient,
  util,
} from '@tensorflow/tfjs-core';
import { simdOf } from '../simd.ts';
import { addressOf, allocate, type BackendWasm } from '../wasm-heap.ts';

const RELU_GRAD = 'PortcullisReluGrad';

const reluGradKernel: KernelConfig = {
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

/** One kernel for the gradient of ReLU on wasm, for which tfjs takes three (step, cast, mul); other backends keep tfjs's. */
export function registerReluGradient(): void {
  const stock = getGradient(Relu) as GradConfig;
  unregisterGradient(Relu);
  registerGradient({
    ...stock,
    gradFunc: (dy, saved, attrs) => {
      const [x] = saved;
      if (engine().backendName !== 'wasm' || x?.dtype !== 'float32') return stock.gradFunc(dy, saved, attrs);
      return { x: () => engine().runKernel(RELU_GRAD, { dy: dy as Tensor, x }) as Tensor };
    },
  });
  registerKernel(reluGradKernel);
}

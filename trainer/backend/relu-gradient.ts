import {
  engine,
  type GradConfig,
  getGradient,
  getKernel,
  Relu,
  registerGradient,
  type Tensor,
  unregisterGradient,
} from '@tensorflow/tfjs-core';

/** The name of our kernel for ReLU's gradient, which takes `dy` and `x`. */
export const RELU_GRAD = 'PortcullisReluGrad';

let replaced = false;

/**
 * Makes tfjs take one kernel for the gradient of ReLU where the current backend has it. tfjs takes three otherwise (step, cast, mul),
 * and tfjs-node ten: its step selects among constants as large as x, twice.
 */
export function replaceReluGradient(): void {
  if (replaced) return;
  replaced = true;
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

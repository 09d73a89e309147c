import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { type BackendKind, partsFor } from '../backend.ts';
import { replaceReluGradient } from '../relu-gradient.ts';
import { convolutionKernels } from './convolution.ts';
import type { BackendWasm, Kernel } from './heap.ts';
import { matMulKernels } from './mat-mul.ts';
import { resamplingKernels } from './resampling.ts';
import { vectorKernels } from './vectors.ts';

/** tfjs's WebAssembly, which uses one thread under Node, with kernels of our own. It needs nothing but npm packages. */
export const wasm: BackendKind<'wasm'> = {
  name: 'wasm',
  perThread: true,
  readsSynchronously: true,
  descriptionPattern: /^tfjs-backend-wasm /,
  advice: 'pnpm install brings it',
  probe: async () => ({
    fault: null,
    use: async (threads = partsFor(availableParallelism())) => {
      await useWasm();
      return { description: `tfjs-backend-wasm ${tf.version_core}`, threads, parts: threads, thread: { name: 'wasm' } };
    },
  }),
  useInThread: useWasm,
};

/** Makes tfjs's wasm backend the current one and replaces the kernels that it lacks, or that are slow or wrong. */
export async function useWasm(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(entry)}/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend of tfjs could not be started');
  await tf.ready();
  if (replaced) return;
  replaced = true;
  replaceKernels({ ...convolutionKernels(), ...matMulKernels, ...resamplingKernels, ...vectorKernels });
  replaceReluGradient();
}

let replaced = false;

/** Registers kernels in the place of those that the wasm backend has; a call that one declines (null) goes to the one before it. */
function replaceKernels(kernels: Record<string, Kernel<never, never>>): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    const stock = tf.getKernel(kernelName, 'wasm');
    if (stock) tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({
      ...{ kernelName, backendName: 'wasm' },
      kernelFunc: (call) => {
        const result = kernel(call.backend as BackendWasm, call.inputs as never, call.attrs as never) ?? stock?.kernelFunc(call);
        if (!result) throw new Error(`${kernelName} on wasm takes neither dilation nor a data format other than NHWC`);
        return result;
      },
    });
  }
}

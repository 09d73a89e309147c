import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { conv2DKernel, fusedConv2DKernel } from '../kernels/conv2d.ts';
import { conv2DBackpropFilterKernel } from '../kernels/conv2d-backprop-filter.ts';
import { identityKernel } from '../kernels/identity.ts';
import { averagePoolGradKernel, maxPoolGradKernel } from '../kernels/pool-gradients.ts';
import { sumKernel } from '../kernels/sum.ts';
import { registerReluGradient, reluGradOnWasm } from '../relu-gradient.ts';
import { conv2DBackpropInputKernel } from './convolution.ts';
import { batchMatMulKernel, fusedMatMulKernel } from './mat-mul.ts';
import { upSampleGradKernel, upSampleKernel } from './resampling.ts';

/**
 * Makes tfjs's wasm backend the current one, with the kernels that it lacks, has slow or has wrong replaced.
 * Needs nothing but npm packages; one thread.
 */
export async function useWasm(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(entry)}/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend of tfjs could not be started');
  await tf.ready();
  replaceKernels();
}

let replaced = false;

function replaceKernels(): void {
  if (replaced) return;
  replaced = true;
  const own = [conv2DBackpropFilterKernel, conv2DBackpropInputKernel, batchMatMulKernel, averagePoolGradKernel, maxPoolGradKernel];
  for (const kernel of own) put(kernel);
  const around = {
    [tf.Conv2D]: conv2DKernel,
    [tf.FusedConv2D]: fusedConv2DKernel,
    [tf._FusedMatMul]: fusedMatMulKernel,
    [tf.Identity]: identityKernel,
    [tf.ResizeNearestNeighbor]: upSampleKernel,
    [tf.ResizeNearestNeighborGrad]: upSampleGradKernel,
    [tf.Sum]: sumKernel,
  };
  for (const [name, kernel] of Object.entries(around)) put(kernel(tf.getKernel(name, 'wasm').kernelFunc));
  registerReluGradient(reluGradOnWasm);
}

function put(kernel: tf.KernelConfig): void {
  if (tf.getKernel(kernel.kernelName, 'wasm')) tf.unregisterKernel(kernel.kernelName, 'wasm');
  tf.registerKernel(kernel);
}

import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { batchMatMulKernel } from './kernels/batch-mat-mul.ts';
import { conv2DBackpropFilterKernel } from './kernels/conv2d-backprop-filter.ts';
import { conv2DBackpropInputKernel } from './kernels/conv2d-backprop-input.ts';
import { conv2DSameKernel } from './kernels/conv2d-same.ts';

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
  const stockMatMul = tf.getKernel(tf.BatchMatMul, 'wasm').kernelFunc;
  tf.unregisterKernel(tf.BatchMatMul, 'wasm');
  tf.unregisterKernel(tf.Conv2DBackpropInput, 'wasm');
  tf.registerKernel(batchMatMulKernel(stockMatMul));
  for (const name of [tf.Conv2D, tf.FusedConv2D]) {
    const stock = tf.getKernel(name, 'wasm').kernelFunc;
    tf.unregisterKernel(name, 'wasm');
    tf.registerKernel(conv2DSameKernel(name, stock));
  }
  tf.registerKernel(conv2DBackpropInputKernel);
  tf.registerKernel(conv2DBackpropFilterKernel);
}

import type { WebGpuProbed } from '../probe-webgpu.ts';
import { findAdapter } from './adapter.ts';

/** node trainer/backend/webgpu/probe-process.ts any|hardware; the last line of its output is a `WebGpuProbed`. */
const SIZE = 64;

async function probe(): Promise<WebGpuProbed> {
  const adapter = await findAdapter();
  if (!adapter) return { fault: 'Dawn finds no graphics adapter' };
  if (adapter.software && process.argv[2] === 'hardware') return { fault: `its only adapter is software: ${adapter.name}` };
  // Loaded only here, as most machines that are asked have no adapter, and it takes most of the time.
  const [tf, { useWebGpu }] = await Promise.all([import('@tensorflow/tfjs'), import('./webgpu.ts')]);
  await useWebGpu();
  const ones = tf.ones([SIZE, SIZE]);
  const wrong = (await tf.matMul(ones, ones).data()).find((value) => value !== SIZE);
  return wrong === undefined
    ? { fault: null, adapter }
    : { fault: `its matrix product is wrong on ${adapter.name}: ${wrong}, not ${SIZE}` };
}

console.log(JSON.stringify(await probe().catch((error: Error): WebGpuProbed => ({ fault: error.message }))));

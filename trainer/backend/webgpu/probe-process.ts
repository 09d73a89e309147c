import type { Probed } from '../probe.ts';
import { type Adapter, findAdapter } from './adapter.ts';

/** node trainer/backend/webgpu/probe-process.ts any|hardware; the last line of its output is a `Probed`. */
const SIZE = 64;

async function probe(): Promise<Probed<{ adapter: Adapter }>> {
  const adapter = await findAdapter();
  if (!adapter) return { fault: 'Dawn finds no graphics adapter' };
  if (adapter.software && process.argv[2] === 'hardware') return { fault: `its only adapter is software: ${adapter.name}` };
  // Loaded only here: most machines that are asked have no adapter, and loading takes most of the time.
  const [tf, { useWebGpu }] = await Promise.all([import('@tensorflow/tfjs'), import('./webgpu.ts')]);
  await useWebGpu();
  const ones = tf.ones([SIZE, SIZE]);
  const wrong = (await tf.matMul(ones, ones).data()).find((value) => value !== SIZE);
  return wrong === undefined
    ? { fault: null, adapter }
    : { fault: `its matrix product is wrong on ${adapter.name}: ${wrong}, not ${SIZE}` };
}

console.log(JSON.stringify(await probe().catch(({ message }: Error) => ({ fault: message }))));

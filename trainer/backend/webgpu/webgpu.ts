import * as tf from '@tensorflow/tfjs';
import { BackendError } from '../backend.ts';
import { type Adapter, findAdapter } from './adapter.ts';

const NAME = 'webgpu';

/** What this needs of tfjs's `WebGPUBackend`. */
interface WebGpuBackend extends tf.KernelBackend {
  device: GPUDevice;
}

/** How tfjs starts it; `removeBackend` forgets that, and a module is run once only. */
let factory: ReturnType<typeof tf.findBackendFactory> | undefined;

/**
 * Makes tfjs's webgpu backend the current one, over Dawn. It can't be read synchronously: `data()`, never `dataSync()`, and no tensor of
 * it on another backend (`evaluating`). Errors of the GPU, which WebGPU itself only logs while it computes zeros, are thrown by the
 * next read.
 *
 * @throws BackendError where there is no adapter, or it gives no device
 */
export async function useWebGpu(): Promise<Adapter> {
  const adapter = await findAdapter();
  if (!adapter) throw new BackendError('there is no graphics adapter any more that WebGPU could use. Train with --backend wasm.');
  await import('@tensorflow/tfjs-backend-webgpu');
  factory ??= tf.findBackendFactory(NAME);
  if (!tf.findBackendFactory(NAME)) tf.registerBackend(NAME, factory, 3);
  if (!(await tf.setBackend(NAME))) throw new BackendError(`${adapter.name} gives no device (see above). Train with --backend wasm.`);
  await tf.ready();
  throwErrorsOnRead(tf.backend() as WebGpuBackend, adapter);
  return adapter;
}

/** Frees the GPU; what is left of the backend's tensors can't be read any more. */
export function closeWebGpu(): void {
  if (!(NAME in tf.engine().registry)) return;
  const { device } = tf.findBackend(NAME) as WebGpuBackend;
  tf.removeBackend(NAME);
  device.destroy();
}

function throwErrorsOnRead(backend: WebGpuBackend, adapter: Adapter): void {
  let fault: string | null = null;
  const { device } = backend;
  device.addEventListener('uncapturederror', (event) => {
    fault ??= (event as GPUUncapturedErrorEvent).error.message;
  });
  void device.lost.then(({ message }) => {
    fault ??= `the device was lost: ${message}`;
  });
  const read = backend.read.bind(backend);
  const check = () => {
    if (fault !== null)
      throw new BackendError(
        `${adapter.name} failed: ${(fault.split('\n')[0] as string).replace(/\.$/, '')}. Go on with pnpm train --resume; where it fails again, train a new run with a smaller --batch-size or with --backend wasm.`,
      );
  };
  backend.read = async (data) => {
    check();
    const values = await read(data).catch((error: Error) => {
      fault ??= error.message;
    });
    check();
    return values as tf.backend_util.TypedArray;
  };
}

import * as tf from '@tensorflow/tfjs';
import { BackendError, type BackendKind } from '../backend.ts';
import { probe } from '../probe.ts';
import { type Adapter, findAdapter } from './adapter.ts';

const NAME = 'webgpu';

/** Any GPU with a driver for Vulkan, Metal or Direct3D 12, over Dawn. One thread feeds it. */
export const webgpu: BackendKind<'webgpu'> = {
  name: NAME,
  perThread: false,
  readsSynchronously: false,
  descriptionPattern: /^tfjs-backend-webgpu /,
  advice: `It needs a GPU with its driver, on Linux also libvulkan.so.1 (Debian: apt-get install libvulkan1), see docs/backends-webgpu.md`,
  async probe({ automatic }) {
    const { probed, errors } = await probe<{ adapter: Adapter }>(new URL('probe-process.ts', import.meta.url), [
      automatic ? 'hardware' : 'any',
    ]);
    if (probed.fault !== null) return { fault: `webgpu does not work: ${probed.fault}${automatic ? '' : warningsIn(errors)}` };
    return {
      fault: null,
      use: async () => {
        const { name } = await useWebGpu();
        const description = `tfjs-backend-webgpu ${tf.version_core} on ${name}`;
        return { description, threads: 1, parts: 1, thread: null, close: closeWebGpu };
      },
    };
  },
};

/** Returns Dawn's own lines on why it passed an adapter over; each attempt writes them again. */
function warningsIn(errors: string): string {
  const lines = errors.split('\n').filter((line) => line.startsWith('Warning: '));
  const warnings = [...new Set(lines.map((line) => line.slice('Warning: '.length)))];
  return warnings.length > 0 ? ` (${warnings.join('; ')})` : '';
}

/** The part of tfjs's `WebGPUBackend` that is used here. */
interface WebGpuBackend extends tf.KernelBackend {
  device: GPUDevice;
}

/** tfjs's way to start it, which `removeBackend` forgets; a module runs once only. */
let factory: ReturnType<typeof tf.findBackendFactory> | undefined;

/**
 * Makes tfjs's webgpu backend the current one. It can't be read synchronously: use `data()`, never `dataSync()`, and take none of its
 * tensors to another backend (`withSynchronousBackend`). Errors of the GPU, which WebGPU itself only logs while it computes zeros, are
 * thrown by the next read.
 *
 * @throws BackendError if there is no adapter, or it gives no device
 */
export async function useWebGpu(): Promise<Adapter> {
  const adapter = await findAdapter();
  if (!adapter) throw new BackendError('WebGPU finds no graphics adapter any more. Train with --backend wasm.');
  await import('@tensorflow/tfjs-backend-webgpu');
  factory ??= tf.findBackendFactory(NAME);
  if (!tf.findBackendFactory(NAME)) tf.registerBackend(NAME, factory, 3);
  if (!(await tf.setBackend(NAME))) throw new BackendError(`${adapter.name} gives no device (see above). Train with --backend wasm.`);
  await tf.ready();
  throwErrorsOnRead(tf.backend() as WebGpuBackend, adapter);
  return adapter;
}

/** Frees the GPU; the backend's tensors can't be read any more. */
function closeWebGpu(): void {
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
    if (fault === null) return;
    const reason = (fault.split('\n')[0] as string).replace(/\.$/, '');
    const advice = 'train a new run with a smaller --batch-size or with --backend wasm';
    throw new BackendError(`${adapter.name} failed: ${reason}. Go on with pnpm train --resume; if it fails again, ${advice}.`);
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

import { BackendError } from '../backend.ts';

/** A graphics adapter that tfjs's webgpu backend would take. */
export interface Adapter {
  /** The driver's own name: `SwiftShader driver 5.0.0 (google, swiftshader) through Vulkan`. */
  name: string;
  /** Computes on the processor: right, but far slower than the wasm backend. */
  software: boolean;
}

let gpu: GPU | undefined;

/** The interface by which Dawn reaches the driver. */
const API: Partial<Record<NodeJS.Platform, string>> = { linux: 'Vulkan', darwin: 'Metal', win32: 'Direct3D 12' };

/**
 * Opens Dawn, Chrome's implementation of WebGPU, from the npm package `webgpu`, and gives tfjs what it looks for: the classes of WebGPU
 * as globals, and `navigator.gpu`. It is opened once a process: released, collected as garbage and opened again, it crashes.
 *
 * @returns what tfjs would take, null if there is no adapter
 * @throws BackendError if Dawn is not installed, or not made for this machine
 */
export async function findAdapter(): Promise<Adapter | null> {
  const dawn = await import('webgpu').catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes("'webgpu'");
    throw new BackendError(missing ? NOT_INSTALLED : `Dawn (the npm package webgpu) can't be loaded here: ${error.message}`);
  });
  Object.assign(globalThis, dawn.globals);
  if (!gpu) {
    gpu = dawn.create([]);
    Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu });
  }
  // The same request as tfjs's.
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const kind = [vendor, architecture].filter(Boolean).join(', ');
  const name = `${description || device || 'an adapter without a name'}${kind && ` (${kind})`}`;
  return {
    name: `${name} through ${API[process.platform] ?? process.platform}`,
    // Dawn calls an adapter fallback if its driver says that it is a processor; the names are for drivers that do not.
    software: isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|microsoft basic render/i.test(`${architecture} ${device} ${description}`),
  };
}

const NOT_INSTALLED = 'the npm package webgpu is missing (an optional dependency: pnpm install brings it, but not with --no-optional)';

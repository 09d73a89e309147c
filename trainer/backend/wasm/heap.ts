import { readFileSync } from 'node:fs';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm/dist/backend_wasm.js';
import { engine, type TensorInfo } from '@tensorflow/tfjs-core';

export type { BackendWasm };

/**
 * A kernel of tfjs on its wasm backend.
 *
 * @returns the result, or null to leave the call to the stock kernel
 */
export type Kernel<Inputs, Attrs> = (backend: BackendWasm, inputs: Inputs, attrs: Attrs) => TensorInfo | null;

/** Returns tfjs's current backend where it keeps its tensors on the heap that the loops work on, else null. */
export function currentHeap(): BackendWasm | null {
  const { backend } = engine();
  return 'dataIdMap' in backend && 'wasm' in backend ? (backend as unknown as BackendWasm) : null;
}

/**
 * Returns a float32 tensor's values as a view into the wasm heap, without a copy. The view is dead after the next allocation on the
 * heap (memory may grow and move), so allocate first, then take views.
 */
export function floatsOf(backend: BackendWasm, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

/** Returns `count` floats from an address on, as a view that is dead after the next allocation. */
export function floatsAt(backend: BackendWasm, address: number, count: number): Float32Array {
  return new Float32Array((backend.wasm as unknown as { HEAPU8: Uint8Array }).HEAPU8.buffer, address, count);
}

/** Returns where a tensor's values lie on the heap, in bytes; they stay there as long as the tensor lives. */
export function addressOf(backend: BackendWasm, tensor: TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset;
}

/** Makes a float32 tensor on the heap with unset values. Free it with `free`, or return it from a kernel. */
export function allocate(backend: BackendWasm, shape: number[]): TensorInfo {
  return backend.makeOutput(shape, 'float32');
}

export function free(backend: BackendWasm, tensor: TensorInfo): void {
  backend.disposeData(tensor.dataId);
}

/** Runs `work` with scratch memory for the floats of each name, each aligned to 16 bytes from the first, and frees it. */
export function withScratch<Name extends string>(
  backend: BackendWasm,
  floats: Record<Name, number>,
  work: (addresses: Record<Name, number>) => void,
): void {
  const starts: [string, number][] = [];
  let total = 0;
  for (const [name, size] of Object.entries<number>(floats)) {
    starts.push([name, total]);
    total += 4 * Math.ceil(size / 4);
  }
  const room = allocate(backend, [total]);
  try {
    const address = addressOf(backend, room);
    work(Object.fromEntries(starts.map(([name, start]) => [name, address + 4 * start])) as Record<Name, number>);
  } finally {
    free(backend, room);
  }
}

/**
 * Loops in WebAssembly that work on the heap of tfjs's wasm backend; all arguments are addresses, bytes, counts or floats. The
 * docstrings in shared/kernels/assembly say what each does.
 */
type Loops = Record<
  | ('adamStep' | 'convolve' | 'correlate' | 'packPanels' | 'unpackPanels' | 'padImages' | 'reluGradient' | 'sumRows')
  | ('maxPoolGradient' | 'upSample' | 'upSampleGradient'),
  (...args: number[]) => void
>;

const started = new WeakMap<BackendWasm, Loops>();

/** Returns the loops on this backend's heap; they are compiled once. */
export function loopsOf(backend: BackendWasm): Loops {
  const known = started.get(backend);
  if (known) return known;
  const { asm } = backend.wasm as unknown as { asm: { memory: WebAssembly.Memory } };
  const module = new WebAssembly.Module(readFileSync(new URL('../../../shared/kernels/training.wasm', import.meta.url)));
  const loops = new WebAssembly.Instance(module, { env: { memory: asm.memory } }).exports as unknown as Loops;
  started.set(backend, loops);
  return loops;
}

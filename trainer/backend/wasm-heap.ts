import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm/dist/backend_wasm.js';
import type { TensorInfo } from '@tensorflow/tfjs-core';

export type { BackendWasm };

/**
 * A float32 tensor's values as a view into the wasm heap, without a copy. The view is dead after the next allocation on the
 * heap (memory may grow and move), so allocate first, then take views.
 */
export function floatsOf(backend: BackendWasm, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

/** A float32 tensor on the heap with unset values. Free it with `free`, or return it from a kernel. */
export function allocate(backend: BackendWasm, shape: number[]): TensorInfo {
  return backend.makeOutput(shape, 'float32');
}

export function free(backend: BackendWasm, tensor: TensorInfo): void {
  backend.disposeData(tensor.dataId);
}

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

/** `count` floats from an address on, as a view that is dead after the next allocation. */
export function floatsAt(backend: BackendWasm, address: number, count: number): Float32Array {
  return new Float32Array((backend.wasm as unknown as { HEAPU8: Uint8Array }).HEAPU8.buffer, address, count);
}

/** Where a tensor's values lie on the heap, in bytes; stays as long as the tensor. */
export function addressOf(backend: BackendWasm, tensor: TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset;
}

/** A float32 tensor on the heap with unset values. Free it with `free`, or return it from a kernel. */
export function allocate(backend: BackendWasm, shape: number[]): TensorInfo {
  return backend.makeOutput(shape, 'float32');
}

export function free(backend: BackendWasm, tensor: TensorInfo): void {
  backend.disposeData(tensor.dataId);
}

/** Runs `work` with room for so many floats on the heap, and gives the room back. */
export function withRoom<Result>(backend: BackendWasm, floats: number, work: (address: number) => Result): Result {
  const room = allocate(backend, [floats]);
  try {
    return work(addressOf(backend, room));
  } finally {
    free(backend, room);
  }
}

/** The same with several rooms, each on a multiple of 16 bytes from the first. */
export function withRooms<Name extends string>(
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
  withRoom(backend, total, (room) =>
    work(Object.fromEntries(starts.map(([name, start]) => [name, room + 4 * start])) as Record<Name, number>),
  );
}

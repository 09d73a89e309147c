import { readFileSync } from 'node:fs';
import type { BackendWasm } from './wasm/heap.ts';

/** Loops in WebAssembly that work on the heap of tfjs's wasm backend; all numbers are addresses, bytes or counts. See shared/kernels/assembly. */
export interface Simd {
  adamStep: Loop;
  convolve: Loop;
  convolveThin: Loop;
  correlate: Loop;
  correlateThin: Loop;
  packPanels: Loop;
  unpackPanels: Loop;
  padImages: Loop;
  filterParts: Loop;
  filterGradient: Loop;
  inputTiles: Loop;
  addInputGradients: Loop;
  outputTiles: Loop;
  gradientTiles: Loop;
  reluGradient: Loop;
  sumRows: Loop;
  maxPoolGradient: Loop;
  averagePoolGradient: Loop;
  upSample: Loop;
  upSampleGradient: Loop;
}

type Loop = (...args: number[]) => void;

const started = new WeakMap<BackendWasm, Simd>();

/** The loops on this backend's heap; compiled once. */
export function simdOf(backend: BackendWasm): Simd {
  const known = started.get(backend);
  if (known) return known;
  const { asm } = backend.wasm as unknown as { asm: { memory: WebAssembly.Memory } };
  const module = new WebAssembly.Module(readFileSync(new URL('../../shared/kernels/training.wasm', import.meta.url)));
  const simd = new WebAssembly.Instance(module, { env: { memory: asm.memory } }).exports as unknown as Simd;
  started.set(backend, simd);
  return simd;
}

import { readFileSync } from 'node:fs';
import { decoders } from '../../node/decoders.ts';
import type { LoadModule } from '../runtimes/kernels.ts';

let kernels: WebAssembly.Module | undefined;

/** Loads WebAssembly modules from the package's folder. */
export const loadModule: LoadModule = (name) => {
  if (name !== 'kernels') return decoders[name] as WebAssembly.Module;
  kernels ??= new WebAssembly.Module(readFileSync(new URL('../../shared/kernels/screening.wasm', import.meta.url)));
  return kernels;
};

import { decoders } from '#decoders';
import kernels from '../../shared/kernels/screening.wasm';
import type { LoadModule } from '../runtimes/kernels.ts';

/** Gives the WebAssembly modules that come with the worker's script: workerd compiles no bytes. */
export const loadModule: LoadModule = (name) => (name === 'kernels' ? kernels : (decoders[name] as WebAssembly.Module));

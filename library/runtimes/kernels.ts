import { openScreen } from '../../shared/runtime/open-screen.ts';
import { UnsupportedGraphError } from '../../shared/runtime/operator.ts';
import type { Runtime } from './runtime.ts';

/** Loads a WebAssembly module of the project: its kernels, or the decoder of an image format by the format's name. */
export type LoadModule = (name: 'kernels' | (string & {})) => WebAssembly.Module | Promise<WebAssembly.Module>;

/** The project's own kernels: 4 kB, one thread, the operators of models that were trained with the project. They do not search. */
export const kernels = (load: LoadModule): Runtime => ({
  name: 'kernels',
  async openScreen(bundle) {
    const module = await load('kernels');
    try {
      return { provider: 'wasm', screen: openScreen(module, bundle), close: async () => undefined };
    } catch (error) {
      if (!(error instanceof UnsupportedGraphError)) throw error;
      throw new UnsupportedGraphError(`${error.message}. Use ONNX Runtime as the runtime.`);
    }
  },
});

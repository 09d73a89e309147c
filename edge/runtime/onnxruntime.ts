import * as ort from 'onnxruntime-web/wasm';
import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import type { GraphName } from '../../shared/bundle/screening-schema.ts';
import { inTurn } from '../../shared/runtime/in-turn.ts';
import { type OnnxSession, screenOf, searchOf } from '../../shared/runtime/onnx-session.ts';
import type { LocalSearch, Screen } from '../../shared/runtime/screen.ts';

/** ONNX Runtime Web runs one inference at a time, whatever the session; requests of one isolate take turns. */
const inLine = inTurn();

/**
 * Opens screen.onnx in ONNX Runtime Web. This file alone knows what workerd needs for that: the runtime's wasm comes as a module (workerd
 * does not compile bytes) with unshared memory (build/unshared-memory.ts). So while the session is made, `WebAssembly.instantiate`
 * returns the module for a marker buffer, `WebAssembly.Memory` drops `shared`, and `Atomics.waitAsync`, which would wait forever on
 * unshared memory, is removed.
 *
 * @throws Error if the runtime or the graph can't be loaded; that lasts for the isolate's life
 */
export async function openScreen(wasmModule: WebAssembly.Module, bundle: Bundle): Promise<Screen> {
  return screenOf(await withModule(wasmModule, () => openSession(bundle, 'screen')), bundle.screening);
}

/**
 * Opens reclassify.onnx, the whole search of Eq. 9. Needs a session of screen.onnx to have been opened before, which starts the runtime.
 *
 * @throws Error if the graph can't be loaded
 */
export async function openLocalSearch(bundle: Bundle): Promise<LocalSearch> {
  return searchOf(await inLine(() => openSession(bundle, 'reclassify')), bundle.screening);
}

async function openSession({ graphs, weights, screening }: Bundle, name: GraphName): Promise<OnnxSession> {
  const session = await ort.InferenceSession.create(graphs[name] as Uint8Array, {
    externalData: [{ path: screening.weights.file, data: weights }],
  });
  return {
    outputNames: session.outputNames,
    run: (images, shape, outputs) => inLine(() => session.run({ image: new ort.Tensor('float32', images, shape) }, outputs)),
  };
}

async function withModule<T>(wasmModule: WebAssembly.Module, work: () => Promise<T>): Promise<T> {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  const marker = new ArrayBuffer(8);
  ort.env.wasm.wasmBinary = marker;
  const globals = { instantiate: WebAssembly.instantiate, Memory: WebAssembly.Memory, waitAsync: Atomics.waitAsync };
  const instantiate = (source: unknown, imports?: WebAssembly.Imports): Promise<unknown> => {
    const isMarker = source === marker || (ArrayBuffer.isView(source) && source.buffer === marker);
    if (!isMarker) return globals.instantiate(source as WebAssembly.Module, imports);
    return Promise.resolve({ module: wasmModule, instance: new WebAssembly.Instance(wasmModule, imports) });
  };
  const UnsharedMemory = new Proxy(globals.Memory, {
    construct: (Memory, [descriptor]) => new Memory({ ...descriptor, shared: false }),
  });
  Object.assign(WebAssembly, { instantiate, Memory: UnsharedMemory });
  Object.assign(Atomics, { waitAsync: undefined });
  try {
    return await work();
  } finally {
    Object.assign(WebAssembly, { instantiate: globals.instantiate, Memory: globals.Memory });
    Object.assign(Atomics, { waitAsync: globals.waitAsync });
  }
}

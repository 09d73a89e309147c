import * as ort from 'onnxruntime-web/wasm';
import type { Bundle } from '../../shared/bundle/open-bundle.ts';
import { outputOf, type Scores, scoresFromOutputs } from '../../shared/decision/scores.ts';
import type { LocalSearch, Screen } from '../../shared/runtime/screen.ts';
import { GRAPH_SCORES, type RequiredScore, SCORES } from '../../shared/score-table.ts';

/**
 * Opens screen.onnx in ONNX Runtime Web. This file alone knows what workerd needs for that: the runtime's wasm comes as a module (workerd
 * does not compile bytes) with unshared memory (build/unshared-memory.ts). So while the session is made, `WebAssembly.instantiate`
 * returns the module for a marker buffer, `WebAssembly.Memory` drops `shared`, and `Atomics.waitAsync`, which would wait forever on
 * unshared memory, is removed.
 *
 * @throws Error if the runtime or the graph can't be loaded; that lasts for the isolate's life
 */
export async function openScreen(wasmModule: WebAssembly.Module, bundle: Bundle): Promise<Screen> {
  const session = await withModule(wasmModule, () =>
    ort.InferenceSession.create(bundle.graphs.screen as Uint8Array, {
      externalData: [{ path: bundle.screening.weights.file, data: bundle.weights }],
    }),
  );
  const { height, width, channels } = bundle.screening.input;
  const size = height * width * channels;
  const scores = GRAPH_SCORES.filter((name) => session.outputNames.includes(SCORES[name].from));
  const wanted = ['label', 'latent', ...scores.map((name) => SCORES[name].from)];
  return async (write, most, explain) => {
    const images = new Float32Array(most * size);
    let count = 0;
    for (let i = 0; i < most; i++) if (write(i, images.subarray(count * size, (count + 1) * size)) !== false) count++;
    const perScore = (values: (output: string) => Float32Array) =>
      Object.fromEntries(scores.map((name) => [name, values(SCORES[name].from)])) as Record<RequiredScore, Float32Array>;
    if (count === 0) return { label: new BigInt64Array(0), latent: images.subarray(0, 0), ...perScore(() => images.subarray(0, 0)) };
    return inTurn(async () => {
      const image = new ort.Tensor('float32', images.subarray(0, count * size), [count, height, width, channels]);
      const answers = await session.run({ image }, explain ? [...wanted, 'reconstruction'] : wanted);
      const floats = (name: string, each: number) => outputOf('screen', answers, name, Float32Array, count * each);
      return {
        label: outputOf('screen', answers, 'label', BigInt64Array, count),
        latent: floats('latent', bundle.screening.latentDim),
        ...perScore((output) => floats(output, 1)),
        ...(explain ? { reconstruction: floats('reconstruction', size) } : {}),
      };
    });
  };
}

/**
 * Opens reclassify.onnx, the whole search of Eq. 9. Needs a session of screen.onnx to have been opened before, which starts the runtime.
 *
 * @throws Error if the graph can't be loaded
 */
export async function openLocalSearch({ graphs, weights, screening }: Bundle): Promise<LocalSearch> {
  const session = await inTurn(() =>
    ort.InferenceSession.create(graphs.reclassify as Uint8Array, { externalData: [{ path: screening.weights.file, data: weights }] }),
  );
  const { height, width, channels } = screening.input;
  const unused = ['latent', 'runner_up'];
  const wanted = session.outputNames.filter((name) => !unused.includes(name));
  return (image) =>
    inTurn(async () => {
      const answers = await session.run({ image: new ort.Tensor('float32', image.slice(), [1, height, width, channels]) }, wanted);
      return scoresFromOutputs('reclassify', answers, [image], screening)[0] as Scores;
    });
}

/** ONNX Runtime Web runs one inference at a time, whatever the session; requests of one isolate take turns. */
let turn: Promise<unknown> = Promise.resolve();

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = turn.then(work);
  turn = result.catch(() => undefined);
  return result;
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

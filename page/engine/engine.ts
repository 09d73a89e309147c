import { expose, proxy } from 'comlink';
import { readBundle } from '../../library/bundle.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { FORMATS } from '../../shared/images/formats.ts';
import { openOnChoice } from './choose-runtime.ts';
import type { Gradients } from './gradients.ts';
import type { RuntimeChoice } from './runtimes.ts';

/** Everything that computes, in a thread of its own, so that the page stays alive. */
export interface Engine extends RuntimeChoice {
  readonly screening: Screening;
  /** Media types and extensions of the files that can be read, for the choice of a file. */
  readonly accept: string;
  /** Opens the gradients. Returns why attacks and the search can't run on this model; null if they can. */
  without(): Promise<string | null>;
  attack: Gradients['attack'];
  decode(...given: Parameters<Gradients['decode']>): Promise<Float32Array[]>;
  search: Gradients['search'];
  /** Ends attacks and searches, for an image that is shown no longer. */
  drop(): Promise<void>;
}

async function fetched(path: string, key: string): Promise<ArrayBuffer> {
  const response = await fetch(path, { headers: key ? { authorization: `Bearer ${key}` } : {} }).catch((error: Error) => {
    throw new Error(`the worker does not answer for ${path} (${error.message}). Is it still running?`);
  });
  if (response.ok) return response.arrayBuffer();
  const { detail = `${path} answers ${response.status}` } = await response.json().catch(() => ({}));
  throw new Error(detail);
}

/**
 * Opens the model that the worker was built with.
 *
 * @param key bearer key; empty for none
 * @throws Error with what the worker says, if a key is needed; BundleError if a file is damaged
 */
async function open(key: string): Promise<Engine> {
  const modules: Record<string, Promise<WebAssembly.Module>> = {};
  const loadModule = (name: string) => {
    const loading = modules[name] ?? fetched(`/page/${name}.wasm`, '').then((bytes) => WebAssembly.compile(bytes));
    modules[name] = loading;
    // What did not come is asked for again.
    loading.catch(() => delete modules[name]);
    return loading;
  };
  // All are asked for at once, though the bundle is read file by file.
  const files = Object.fromEntries(
    ['screening.json', 'screen.onnx', 'weights.bin'].map((file) => [file, fetched(`/page/bundle/${file}`, key)]),
  );
  for (const awaited of [...Object.values(files), loadModule('kernels')]) awaited.catch(() => undefined);
  const bundle = await readBundle(async (file) => new Uint8Array((await files[file]) ?? (await fetched(`/page/bundle/${file}`, key))));
  // The worker's build has judged the model.
  const choice = await openOnChoice(bundle, loadModule);
  let opening: Promise<Gradients> | undefined;
  /** Opens the gradients when they are first needed, which is after the first verdict. */
  const gradients = () =>
    (opening ??= Promise.all([import('./gradients.ts'), loadModule('kernels')]).then(([{ openGradients }, kernels]) =>
      openGradients(kernels, bundle),
    ));
  return {
    screening: bundle.screening,
    accept: FORMATS.flatMap(({ mediaTypes, extensions }) => [mediaTypes[0], ...extensions]).join(),
    ...choice,
    without: () =>
      gradients().then(
        () => null,
        (error: Error) => error.message,
      ),
    attack: async (...given) => (await gradients()).attack(...given),
    decode: async (latents) => (await gradients()).decode(latents),
    search: async (image) => (await gradients()).search(image),
    drop: async () => (await opening?.catch(() => undefined))?.drop(),
  };
}

const entry = { open: async (key: string) => proxy(await open(key)) };
export type EngineEntry = typeof entry;
expose(entry);

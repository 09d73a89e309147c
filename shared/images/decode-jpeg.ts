import loadCodec from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import type { Decoded } from './decode-png.ts';
import type { JpegFile } from './jpeg-file.ts';

/** What is used of the codec. */
interface Codec {
  decode(bytes: Uint8Array, turned: boolean): unknown;
}

/** The only warning of libjpeg that is no guess: it skips bytes which stand before the end marker (D9). */
const SKIPPED = /^Corrupt JPEG data: \d+ extraneous bytes before marker 0xd9$/;

/**
 * Makes a JPEG decoder of jSquash's wasm (`@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm`). A run that fails keeps what it had on the stack
 * and in memory, so that after a hundred no image could be decoded any more: a failed instance is dropped.
 *
 * @returns decodes a file, and hands the pixels to `use`; throws Error where it can't, or not without guessing
 */
export function jpegDecoder(
  module: WebAssembly.Module,
): <T>(bytes: Uint8Array, file: Pick<JpegFile, 'end' | 'hasAllRestarts'>, use: (decoded: Decoded) => T) => Promise<T> {
  let codec: Promise<Codec> | undefined;
  let said = '';
  let take: ((decoded: Decoded) => void) | undefined;

  /** In place of the classes of which the decoder makes its answer, copying the pixels. */
  const classes = {
    Uint8ClampedArray: function View(view: Uint8Array) {
      return view;
    },
    ImageData: function Taken(data: Uint8Array, width: number, height: number) {
      take?.({ data, width, height });
    },
  };
  const load = (): Promise<Codec> =>
    loadCodec({
      noInitialRun: true,
      instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
        const instance = new WebAssembly.Instance(module, imports);
        done(instance);
        return instance.exports;
      },
      // What it prints, which the sender of the image chooses, is no line of the log. It prints its first warning only.
      print: () => undefined,
      printErr: (text: string) => {
        said ||= text;
      },
    } as Parameters<typeof loadCodec>[0]) as unknown as Promise<Codec>;

  return async (bytes, { end, hasAllRestarts }, use) => {
    codec ??= load();
    const ready = await codec;
    // From here on nothing waits: what is said is said of these bytes.
    let used: { result: ReturnType<typeof use> } | undefined;
    said = '';
    take = (decoded) => {
      used = { result: use(decoded) };
    };
    try {
      withGlobals(classes, () => ready.decode(bytes.subarray(0, end + 2), false));
      if (!used) throw new Error(said || 'there is no image');
      // What libjpeg guesses where bytes are missing or wrong, other decoders guess otherwise.
      if (said && !(hasAllRestarts && SKIPPED.test(said))) throw new Error(said);
      return (used as { result: ReturnType<typeof use> }).result;
    } catch (error) {
      codec = undefined;
      throw error;
    } finally {
      take = undefined;
    }
  };
}

/** Runs a function, which must not wait, while globals are others: the codec looks them up when it first answers. */
function withGlobals<T>(others: Record<string, unknown>, run: () => T): T {
  const names = Object.keys(others);
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  for (const name of names) Object.defineProperty(globalThis, name, { value: others[name], configurable: true, writable: true });
  try {
    return run();
  } finally {
    for (const [i, name] of names.entries()) {
      const descriptor = before[i];
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else Reflect.deleteProperty(globalThis, name);
    }
  }
}

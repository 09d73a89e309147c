import loadCodec from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import type { Decoded } from './decode-png.ts';

/** The decoder makes an ImageData, which workerd and Node do not have. */
class PlainImageData implements Decoded {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}

/** What is used of the codec. */
interface Codec {
  decode(bytes: ArrayBuffer, turned: boolean): Decoded | null;
}

/** What libjpeg says of bytes that it skips: no pixel hangs on them where they stand before the end marker (D9). */
const SKIPPED = /(\d+) extraneous bytes before marker 0xd9/;

/**
 * Makes a JPEG decoder of jSquash's wasm (`@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm`). A run that fails keeps what it had on the stack
 * and in memory, so that after a hundred no image could be decoded any more: a failed instance is dropped.
 *
 * @returns decodes bytes whose end marker stands at `end`; throws Error where it can't, or not without guessing
 */
export function jpegDecoder(module: WebAssembly.Module): (bytes: Uint8Array, end: number) => Promise<Decoded> {
  (globalThis as { ImageData?: unknown }).ImageData ??= PlainImageData;
  let codec: Promise<Codec> | undefined;
  let said = '';
  const load = async (): Promise<Codec> =>
    (await loadCodec({
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
    } as Parameters<typeof loadCodec>[0])) as unknown as Codec;

  return async (bytes, end) => {
    codec ??= load();
    const ready = await codec;
    // From here on nothing waits: what is said is said of these bytes.
    try {
      const image = run(ready, copyOf(bytes, end + 2));
      const skipped = Number(SKIPPED.exec(said)?.[1] ?? 0);
      if (skipped === 0) return unlessGuessed(image);
      // Without them, as a warning further on would not be told.
      const rest = copyOf(bytes, end + 2 - skipped);
      rest.set(bytes.subarray(end, end + 2), end - skipped);
      return unlessGuessed(run(ready, rest));
    } catch (error) {
      codec = undefined;
      throw error;
    }
  };

  function run(ready: Codec, bytes: Uint8Array<ArrayBuffer>): Decoded {
    said = '';
    const image = ready.decode(bytes.buffer, false);
    if (!image) throw new Error(said || 'there is no image');
    return image;
  }

  /** What libjpeg guesses where bytes are missing or wrong, other decoders guess otherwise. */
  function unlessGuessed(image: Decoded): Decoded {
    if (/corrupt|premature/i.test(said)) throw new Error(said);
    return image;
  }
}

/** The first bytes in a buffer of their own: `slice` of Node's Buffer would be a view into a pool, which the codec would read from its start. */
const copyOf = (bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> => new Uint8Array(bytes.subarray(0, length));

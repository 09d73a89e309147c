import jpegModule from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import decode, { init } from '@jsquash/jpeg/decode.js';
import type { Decoded } from './decode-png.ts';

/** workerd has no ImageData, which the decoder makes. */
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
(globalThis as { ImageData?: unknown }).ImageData ??= PlainImageData;

/** Its types have one parameter only. */
const start = init as (module: WebAssembly.Module, options: Record<string, unknown>) => Promise<void>;

let isFresh = false;
let said = '';

/**
 * JPEG bytes as pixels, by jSquash. A run that fails keeps what it had on the stack and in memory, so that after a hundred no image
 * could be decoded any more: a failed instance is dropped.
 *
 * @throws Error where it can't be decoded, or not without guessing
 */
export async function decodeJpeg(bytes: Uint8Array<ArrayBuffer>): Promise<Decoded> {
  // What it prints, which the sender of the image chooses, is no line of the log.
  if (!isFresh) await start(jpegModule, { print: () => undefined, printErr: (text: string) => (said = text) });
  isFresh = true;
  said = '';
  try {
    const image = await decode(bytes.buffer);
    // What libjpeg guesses where bytes are missing or wrong, other decoders guess otherwise.
    if (/corrupt|premature/i.test(said)) throw new Error(said);
    return image;
  } catch (error) {
    isFresh = false;
    throw new Error(said || (error instanceof Error ? error.message : String(error)));
  }
}

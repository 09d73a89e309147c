import type { DecodedImage } from '../image.ts';
import { uprightLayout } from '../orientation.ts';
import { MAX_COEFFICIENT_BYTES } from './cost.ts';

/** The settings of decoding a JPEG. */
export interface JpegPlan {
  /** The decoded part of each side, in eighths, rounded up: 8, 4, 2 or 1. */
  eighths: number;
  /** The number of scans that were counted; more are not decoded. */
  scans: number;
}

/** The exports of the wasm (decode.c). */
interface Codec {
  memory: WebAssembly.Memory;
  __stack_pointer: WebAssembly.Global<'i32'>;
  _initialize?(): void;
  reserve(bytes: number): number;
  start(bytes: number, eighths: number, scans: number, coefficientBytes: number): number;
  width(): number;
  height(): number;
  channels(): number;
  rows(): number;
  finish(): number;
  guess(): number;
}

/**
 * Makes a JPEG decoder from libjpeg-turbo's wasm (jpeg/libjpeg-turbo.wasm). It keeps one instance for good, because workerd may collect
 * dropped ones late, and resets stack, static data and heap before each image, however the previous one ended.
 *
 * @returns a function that decodes the bytes of a JPEG, up to and including its end marker, into an upright image; throws Error if it
 *   can't, or only with a guess
 */
export function jpegDecoder(module: WebAssembly.Module): (bytes: Uint8Array, plan: JpegPlan, orientation?: number) => DecodedImage {
  const fail = (code: number) => {
    throw new Error(`libjpeg-turbo ends with ${code}`);
  };
  let codec: Codec | undefined;
  let pristine = new Uint8Array();
  let stack = 0;

  const open = (): Codec => {
    const opened = new WebAssembly.Instance(module, { env: { fail } }).exports as unknown as Codec;
    opened._initialize?.();
    pristine = new Uint8Array(opened.memory.buffer.slice(0));
    stack = opened.__stack_pointer.value;
    return opened;
  };

  return (bytes, { eighths, scans }, orientation = 1) => {
    codec ??= open();
    const { memory } = codec;
    new Uint8Array(memory.buffer).set(pristine);
    codec.__stack_pointer.value = stack;

    const file = codec.reserve(bytes.length);
    new Uint8Array(memory.buffer).set(bytes, file);
    const output = codec.start(bytes.length, eighths, scans, MAX_COEFFICIENT_BYTES);
    const [columns, rows, channels] = [codec.width(), codec.height(), codec.channels()];
    const { width, height, ...layout } = uprightLayout(columns, rows, orientation);
    const pixels = new Uint8Array(width * height * channels);
    for (let row = 0; row < rows; ) {
      const decoded = codec.rows();
      if (decoded === 0) throw new Error('it ends before its last row');
      // Decoding may have grown the memory, which replaces its buffer.
      const stored = new Uint8Array(memory.buffer, output, decoded * columns * channels);
      if (orientation === 1) pixels.set(stored, row * columns * channels);
      else
        for (let i = 0, from = 0; i < decoded; i++) {
          let to = channels * (layout.first + (row + i) * layout.row);
          for (let column = 0; column < columns; column++, to += channels * layout.column)
            for (let channel = 0; channel < channels; channel++) pixels[to + channel] = stored[from++] as number;
        }
      row += decoded;
    }
    if (codec.finish() !== 0) throw new Error('it ends before its end marker');
    const guess = codec.guess();
    if (guess !== 0) throw new Error(`libjpeg-turbo warns with ${guess}`);
    return { width, height, channels: channels === 1 ? 1 : 3, pixels };
  };
}

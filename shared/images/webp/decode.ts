import { ImageError } from '../image.ts';

/** The exports of the wasm (decode.c). */
interface Codec {
  memory: WebAssembly.Memory;
  __stack_pointer: WebAssembly.Global<'i32'>;
  _initialize?(): void;
  reserve(bytes: number, heap: number): number;
  decode(bytes: number, width: number, height: number): number;
  full(): number;
}

/** Bytes besides 10 for each pixel (as RGBA, ARGB, and its alpha): tables of Huffman codes above all. */
const TABLE_BYTES = 12 * 1024 * 1024;

/**
 * Makes a WebP decoder from libwebp's wasm (webp/libwebp.wasm). It keeps one instance for good, because workerd may collect dropped ones
 * late, and resets stack, static data and heap before each image, however the previous one ended.
 *
 * @returns a function that decodes an image's chunks to a size; it returns RGBA, a view of the decoder's memory, and throws Error if
 *   libwebp can't decode them, ImageError if that needs too much memory
 */
export function webpDecoder(module: WebAssembly.Module): (chunks: readonly Uint8Array[], width: number, height: number) => Uint8Array {
  let codec: Codec | undefined;
  let pristine = new Uint8Array();
  let stack = 0;

  const open = (): Codec => {
    const opened = new WebAssembly.Instance(module, {}).exports as unknown as Codec;
    opened._initialize?.();
    pristine = new Uint8Array(opened.memory.buffer.slice(0));
    stack = opened.__stack_pointer.value;
    return opened;
  };

  return (chunks, width, height) => {
    codec ??= open();
    const { memory } = codec;
    new Uint8Array(memory.buffer).set(pristine);
    codec.__stack_pointer.value = stack;

    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    let at = codec.reserve(size, 10 * width * height + TABLE_BYTES);
    for (const chunk of chunks) {
      // Reserving may have grown the memory, which replaces its buffer.
      new Uint8Array(memory.buffer).set(chunk, at);
      at += chunk.length;
    }
    const pixels = codec.decode(size, width, height);
    if (codec.full())
      throw new ImageError('The WebP needs more memory to decode than is allowed. Save it again, as PNG or JPEG.', 'image-too-large');
    if (pixels === 0) throw new Error('libwebp cannot decode it');
    return new Uint8Array(memory.buffer, pixels, 4 * width * height);
  };
}

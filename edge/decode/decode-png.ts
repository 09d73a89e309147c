import pngModule from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';

/** A decoded image: 8-bit RGBA, row by row. */
export interface Decoded {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

/** What is used of the wasm's exports. */
interface Codec {
  memory: WebAssembly.Memory;
  __wbindgen_malloc(size: number, align: number): number;
  __wbindgen_free(at: number, size: number, align: number): void;
  decode(at: number, size: number): number;
}

let codec: Codec | undefined;
let made: Decoded | undefined;

/**
 * PNG bytes as pixels, by jSquash's wasm. A run that fails keeps what it had on the stack and in memory, so that after some hundred
 * no image could be decoded any more; jSquash's own script has one instance for good, hence this in its place: a failed one is dropped.
 *
 * @throws Error where it can't be decoded
 */
export function decodePng(bytes: Uint8Array): Decoded {
  codec ??= new WebAssembly.Instance(pngModule, { wbg: imports }).exports as unknown as Codec;
  const { memory, __wbindgen_malloc, decode } = codec;
  try {
    const at = __wbindgen_malloc(bytes.length, 1) >>> 0;
    new Uint8Array(memory.buffer).set(bytes, at);
    // The wasm frees what it is given.
    decode(at, bytes.length);
    if (!made) throw new Error('there is no image');
    return made;
  } catch (error) {
    codec = undefined;
    throw error;
  } finally {
    made = undefined;
  }
}

/** What the wasm calls, by the beginnings of the names, whose ends change with its version. */
const CALLS: Record<string, (...given: number[]) => number> = {
  __wbg_newwithownedu8clampedarrayandsh_: (at = 0, size = 0, width = 0, height = 0) => {
    const { memory, __wbindgen_free } = codec as Codec;
    made = { width: width >>> 0, height: height >>> 0, data: new Uint8ClampedArray(memory.buffer.slice(at >>> 0, (at >>> 0) + size)) };
    __wbindgen_free(at, size, 1);
    return 0;
  },
  __wbindgen_throw: (at = 0, size = 0) => {
    throw new Error(new TextDecoder().decode(new Uint8Array((codec as Codec).memory.buffer, at >>> 0, size)));
  },
};

const imports = Object.fromEntries(
  WebAssembly.Module.imports(pngModule).map(({ name }) => {
    const known = Object.entries(CALLS).find(([beginning]) => name.startsWith(beginning))?.[1];
    const unknown = () => {
      throw new Error(`the decoder calls ${name}, which decoding to 8 bits does not need`);
    };
    return [name, known ?? unknown];
  }),
);

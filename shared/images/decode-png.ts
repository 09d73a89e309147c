/** Pixels as a decoder gives them: 8-bit RGBA, row by row, as stored. */
export interface Decoded {
  width: number;
  height: number;
  /** A view of the decoder's memory, which is gone when the call ends that gave it. */
  data: Uint8Array;
}

/** What is used of the wasm's exports. */
interface Codec {
  memory: WebAssembly.Memory;
  __wbindgen_malloc(size: number, align: number): number;
  __wbindgen_free(at: number, size: number, align: number): void;
  decode(at: number, size: number): number;
}

/**
 * Makes a PNG decoder of jSquash's wasm (`@jsquash/png/codec/pkg/squoosh_png_bg.wasm`). A run that fails keeps what it had on the stack
 * and in memory, so that after some hundred no image could be decoded any more; jSquash's own script has one instance for good, hence
 * this in its place: a failed one is dropped.
 *
 * @returns decodes a file given in parts, and hands the pixels to `use`; throws Error where it can't decode
 */
export function pngDecoder(module: WebAssembly.Module): <T>(parts: readonly Uint8Array[], use: (decoded: Decoded) => T) => T {
  let codec: Codec | undefined;
  let take: ((decoded: Decoded) => void) | undefined;

  /** What the wasm calls, by the beginnings of the names, whose ends change with its version. */
  const calls: Record<string, (...given: number[]) => number> = {
    __wbg_newwithownedu8clampedarrayandsh_: (at = 0, size = 0, width = 0, height = 0) => {
      const { memory, __wbindgen_free } = codec as Codec;
      try {
        take?.({ width: width >>> 0, height: height >>> 0, data: new Uint8Array(memory.buffer, at >>> 0, size >>> 0) });
      } finally {
        __wbindgen_free(at, size, 1);
      }
      return 0;
    },
    __wbindgen_throw: (at = 0, size = 0) => {
      throw new Error(new TextDecoder().decode(new Uint8Array((codec as Codec).memory.buffer, at >>> 0, size)));
    },
  };
  const wbg = Object.fromEntries(
    WebAssembly.Module.imports(module).map(({ name }) => {
      const known = Object.entries(calls).find(([beginning]) => name.startsWith(beginning))?.[1];
      const unknown = () => {
        throw new Error(`the decoder calls ${name}, which decoding to 8 bits does not need`);
      };
      return [name, known ?? unknown];
    }),
  );

  return (parts, use) => {
    codec ??= new WebAssembly.Instance(module, { wbg }).exports as unknown as Codec;
    const { memory, __wbindgen_malloc, decode } = codec;
    let used: { result: ReturnType<typeof use> } | undefined;
    take = (decoded) => {
      used = { result: use(decoded) };
    };
    try {
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      const at = __wbindgen_malloc(length, 1) >>> 0;
      const heap = new Uint8Array(memory.buffer);
      let to = at;
      for (const part of parts) {
        heap.set(part, to);
        to += part.length;
      }
      // The wasm frees what it is given.
      decode(at, length);
      if (!used) throw new Error('there is no image');
      return used.result;
    } catch (error) {
      codec = undefined;
      throw error;
    } finally {
      take = undefined;
    }
  };
}

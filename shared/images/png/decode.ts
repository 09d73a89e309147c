/** Pixels as a decoder gives them: 8-bit RGBA, row by row, as stored. */
export interface Decoded {
  width: number;
  height: number;
  data: Uint8Array;
}

/** The wasm's exports that are used. */
interface Codec {
  memory: WebAssembly.Memory;
  __wbindgen_malloc(size: number, align: number): number;
  __wbindgen_free(at: number, size: number, align: number): void;
  __wbindgen_add_to_stack_pointer(bytes: number): number;
  decode(at: number, size: number): number;
}

/** An instance, and its state before its first image. */
interface Instance extends Codec {
  stack: number;
  /** The pages of its memory that are not all zero. */
  pages: { at: number; bytes: Uint8Array }[];
}

const PAGE = 65_536;
/** Enough for an image of the largest size that is allowed by default; only pages that are written to take memory. */
const LEAST_HEAP = 32 * 1024 * 1024;

/** Returns the most bytes that the decoder takes: the file, the pixels as stored and as RGBA, tables, and gaps between them. */
const heapOf = (bytes: number, pixels: number) => bytes + 12 * pixels + 1024 * 1024;

/**
 * Makes a PNG decoder from jSquash's wasm (`@jsquash/png/codec/pkg/squoosh_png_bg.wasm`). A run that fails throws through the wasm's frames
 * and leaks what it had on the stack and in memory: after some hundred failures no image could be decoded. A new instance for each image is
 * no way out, because workerd may collect dropped ones late. So the single instance is reset after a failure. For that its heap is made
 * large enough before the first image, while all of it is free: no run then grows it, and the allocator's state fits in a few pages, which
 * are saved.
 *
 * @returns a function that decodes a PNG of `pixels` pixels, given in parts, and calls `use` with the result, a view of the decoder's
 *   memory; throws Error if it can't decode
 */
export function pngDecoder(
  module: WebAssembly.Module,
): <T>(parts: readonly Uint8Array[], pixels: number, use: (decoded: Decoded) => T) => T {
  let instance: Instance | undefined;
  let heap = 0;
  let take: ((decoded: Decoded) => void) | undefined;

  /** The functions that the wasm calls, by the start of their names; the ends change with its version. */
  const calls: Record<string, (...given: number[]) => number> = {
    __wbg_newwithownedu8clampedarrayandsh_: (at = 0, size = 0, width = 0, height = 0) => {
      const { memory, __wbindgen_free } = instance as Codec;
      try {
        take?.({ width: width >>> 0, height: height >>> 0, data: new Uint8Array(memory.buffer, at >>> 0, size >>> 0) });
      } finally {
        __wbindgen_free(at, size, 1);
      }
      return 0;
    },
    __wbindgen_throw: () => {
      throw new Error('the pixels cannot be decoded');
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

  return (parts, pixels, use) => {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    if (!instance || heapOf(size, pixels) > heap) {
      heap = Math.max(LEAST_HEAP, 2 * heap, heapOf(size, pixels));
      instance = open(module, wbg, heap);
    }
    const { memory, __wbindgen_malloc, decode } = instance;
    let used: { result: ReturnType<typeof use> } | undefined;
    take = (decoded) => {
      used = { result: use(decoded) };
    };
    try {
      const at = __wbindgen_malloc(size, 1) >>> 0;
      let to = at;
      for (const part of parts) {
        new Uint8Array(memory.buffer).set(part, to);
        to += part.length;
      }
      // The wasm frees its argument.
      decode(at, size);
      if (!used) throw new Error('there is no image');
      return used.result;
    } catch (error) {
      restore(instance);
      throw error;
    } finally {
      take = undefined;
    }
  };
}

function open(module: WebAssembly.Module, wbg: WebAssembly.ModuleImports, heap: number): Instance {
  const codec = new WebAssembly.Instance(module, { wbg }).exports as unknown as Codec;
  codec.__wbindgen_free(codec.__wbindgen_malloc(heap, 1), heap, 1);
  const pages: Instance['pages'] = [];
  const { buffer } = codec.memory;
  for (let at = 0; at < buffer.byteLength; at += PAGE)
    if (new BigUint64Array(buffer, at, PAGE / 8).some((word) => word !== 0n))
      pages.push({ at, bytes: new Uint8Array(buffer.slice(at, at + PAGE)) });
  return { ...codec, stack: codec.__wbindgen_add_to_stack_pointer(0), pages };
}

/** Resets an instance. Pages of the free heap keep their content: nobody who allocates memory there relies on it. */
function restore({ memory, pages, stack, __wbindgen_add_to_stack_pointer }: Instance): void {
  for (const { at, bytes } of pages) new Uint8Array(memory.buffer).set(bytes, at);
  __wbindgen_add_to_stack_pointer(stack - __wbindgen_add_to_stack_pointer(0));
}

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { FORMATS } from '../shared/images/formats.ts';
import type { DecodedImage } from '../shared/images/image.ts';
import { imageReader, type ReadOptions } from '../shared/images/read-image.ts';

const { resolve } = createRequire(new URL('../shared/images/formats.ts', import.meta.url));
/** Reads an image file into an upright image; rejects with an ImageError that says what is wrong with it. */
type ReadImage = (bytes: Uint8Array, options: ReadOptions) => Promise<DecodedImage>;

let reader: Promise<ReadImage> | undefined;

/** Opens the one reader of image files (shared/images) with its decoders, once per thread. */
export function openImageReader(): Promise<ReadImage> {
  reader ??= open();
  return reader;
}

async function open(): Promise<ReadImage> {
  const modules: Record<string, WebAssembly.Module> = {};
  for (const { name, wasm } of FORMATS) if (wasm) modules[name] = await WebAssembly.compile(await readFile(resolve(wasm)));
  const read = imageReader(modules);
  return async (bytes, options) => read(bytes, options);
}

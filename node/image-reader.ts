import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { FORMATS } from '../shared/images/formats.ts';
import { imageReader, type ReadImage } from '../shared/images/read-image.ts';

const { resolve } = createRequire(new URL('../shared/images/formats.ts', import.meta.url));
let reader: Promise<ReadImage> | undefined;

/** Opens the one reader of image files (shared/images) with its decoders, once per thread. */
export function openImageReader(): Promise<ReadImage> {
  reader ??= open();
  return reader;
}

async function open(): Promise<ReadImage> {
  const modules: Record<string, WebAssembly.Module> = {};
  for (const { name, wasm } of FORMATS) if (wasm) modules[name] = await WebAssembly.compile(await readFile(resolve(wasm)));
  return imageReader(modules);
}

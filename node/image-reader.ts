import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { imageReader, type ReadImage } from '../shared/images/read-image.ts';

const { resolve } = createRequire(import.meta.url);
let reader: Promise<ReadImage> | undefined;

/** The one reader of image files (shared/images) with its decoders, once per thread. */
export function openImageReader(): Promise<ReadImage> {
  reader ??= open();
  return reader;
}

async function open(): Promise<ReadImage> {
  const compiled = async (file: string | URL) => WebAssembly.compile(await readFile(file));
  return imageReader({
    png: await compiled(resolve('@jsquash/png/codec/pkg/squoosh_png_bg.wasm')),
    jpeg: await compiled(new URL('../shared/images/jpeg/libjpeg-turbo.wasm', import.meta.url)),
  });
}

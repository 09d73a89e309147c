import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, gzip } from 'node:zlib';
import { writeIfChanged } from './write-if-changed.ts';

/** ONNX Runtime's builds for WASM and for WebGPU. */
const ONNXRUNTIME_FILES = ['ort-wasm-simd-threaded.wasm', 'ort-wasm-simd-threaded.asyncify.wasm'];

/** Cloudflare lets browsers keep them; a new version of ONNX Runtime is told by its ETag. */
const HEADERS = "/page/*\n  Content-Security-Policy: default-src 'none'\n  Cache-Control: public, max-age=3600\n";

/**
 * Makes the files that the worker serves from beside its code (wrangler's static assets): ONNX Runtime's WebAssembly, which the page loads
 * when it is chosen. Compressed, as an asset may have 25 MiB, and the larger of the two has more.
 *
 * @param folder of the assets; it is emptied for a worker without the page
 */
export async function writePageAssets(folder: string, withPage: boolean): Promise<void> {
  const page = join(folder, 'page');
  await mkdir(withPage ? page : folder, { recursive: true });
  if (!withPage) {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    return;
  }
  await writeIfChanged(join(folder, '_headers'), Buffer.from(HEADERS));
  const { resolve } = createRequire(import.meta.url);
  for (const name of ONNXRUNTIME_FILES) {
    const [bytes, target] = [await readFile(resolve(`onnxruntime-web/${name}`)), join(page, `${name}.gz`)];
    if (await holds(target, bytes)) continue;
    await writeIfChanged(target, await promisify(gzip)(bytes));
  }
}

/** Tells by its last eight bytes, checksum and length, whether a gzip file holds some content (RFC 1952, 2.3.1). */
async function holds(path: string, content: Uint8Array): Promise<boolean> {
  const file = await open(path).catch(() => null);
  if (!file) return false;
  try {
    const { size } = await file.stat();
    const { buffer: end, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, Math.max(0, size - 8));
    return bytesRead === 8 && end.readUInt32LE(0) === crc32(content) && end.readUInt32LE(4) === content.length;
  } finally {
    await file.close();
  }
}

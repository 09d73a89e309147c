import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { modulesOf } from '../workerd.ts';

export interface Size {
  bytes: number;
  gzip: number;
}

/** Measures the upload without the model's files; each file is compressed on its own. */
export async function measureSize(directory: string): Promise<{ code: Size; model: Size }> {
  const sizes = { code: { bytes: 0, gzip: 0 }, model: { bytes: 0, gzip: 0 } };
  for (const file of await modulesOf(directory)) {
    const contents = await readFile(join(directory, file));
    const of = sizes[/\.(onnx|bin|json\.txt)$/.test(file) ? 'model' : 'code'];
    of.bytes += contents.length;
    of.gzip += gzipSync(contents).length;
  }
  return sizes;
}

import { readFile } from 'node:fs/promises';
import { openImageReader } from '../../node/image-reader.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { preprocessLevels } from '../../shared/images/preprocess.ts';

/** Files to read for a model. */
export interface ReadTask extends Pick<Screening, 'input' | 'preprocess'> {
  files: string[];
}

/** The levels of a file as the model takes them, or why it can't be read. */
export type ReadImage = { file: string } & ({ levels: Uint8Array } | { error: string });

/** Reads, decodes and preprocesses image files as the worker does. */
export default async function readImages({ files, input, preprocess }: ReadTask): Promise<ReadImage[]> {
  const readImage = await openImageReader();
  const images: ReadImage[] = [];
  for (const file of files) {
    try {
      const image = await readImage(await readFile(file), { limits: DEFAULT_LIMITS, background: preprocess.background });
      images.push({ file, levels: preprocessLevels(image, input, preprocess) });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      images.push({ file, error: code === 'ENOENT' ? 'there is no such file (ENOENT)' : code ? `can't be read (${code})` : message });
    }
  }
  return images;
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Preprocess, Screening } from '../../shared/bundle/screening-schema.ts';
import { ImageError } from '../../shared/images/image.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { preprocessLevels } from '../../shared/images/preprocess.ts';
import { readTrainingImage } from './training-formats.ts';

export interface ImageTask {
  directory: string;
  /** Relative to the folder. */
  files: string[];
  input: Screening['input'];
  rules: Preprocess;
}

/** The levels of a file, resized for the model, or the reason why the file is left out. */
export type ReadFileResult = { levels: Uint8Array; sha256: string } | { why: string };

/**
 * Reads, decodes and preprocesses files off the event loop. A file that the system can't read ends the task, as that says nothing about the
 * image.
 */
export default async function readFiles({ directory, files, input, rules }: ImageTask): Promise<ReadFileResult[]> {
  const results: ReadFileResult[] = [];
  for (const file of files) {
    const bytes = await readFile(join(directory, file));
    try {
      const image = await readTrainingImage(bytes, { limits: DEFAULT_LIMITS, background: rules.background });
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      results.push({ levels: preprocessLevels(image, input, rules), sha256 });
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      results.push({ why: error.message });
    }
  }
  return results;
}

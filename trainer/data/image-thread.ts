import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Preprocess, Screening } from '../../shared/bundle/screening-schema.ts';
import { kindOfFile } from '../../shared/images/formats.ts';
import { ImageError } from '../../shared/images/image.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { preprocessLevels } from '../../shared/images/preprocess.ts';
import type { StoredFile } from './dataset.ts';
import { readTrainingImage } from './training-formats.ts';

export interface ImageTask {
  directory: string;
  /** Relative to the folder. */
  files: string[];
  input: Screening['input'];
  rules: Preprocess;
}

/** The levels of a file, resized for the model, or the reason why the file is left out. */
export type ReadFileResult = (Pick<StoredFile, 'sha256' | 'format' | 'look' | 'isBlank'> & { levels: Uint8Array }) | { why: string };

/** Levels of a blank image differ by this much at most, as JPEG leaves them. */
const BLANK = 4;

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
      const levels = preprocessLevels(image, input, rules);
      const [own, look] = [await sha256(bytes), await sha256(levels)];
      results.push({ levels, sha256: own, format: kindOfFile(bytes) ?? '', look, isBlank: isBlank(levels, input) });
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      results.push({ why: error.message });
    }
  }
  return results;
}

/** Says whether all levels of each channel are about the same. */
function isBlank(levels: Uint8Array, { channels }: Screening['input']): boolean {
  const [least, most] = [new Uint8Array(channels).fill(255), new Uint8Array(channels)];
  for (const [i, level] of levels.entries()) {
    const channel = i % channels;
    least[channel] = Math.min(least[channel] as number, level);
    most[channel] = Math.max(most[channel] as number, level);
  }
  return most.every((level, channel) => level - (least[channel] as number) <= BLANK);
}

import { createHash } from 'node:crypto';
import { createReadStream, openSync, readSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DataError, type ImageIndex, type LabelledImages } from './dataset.ts';

/** Returns the sha256 of a file of levels. */
export async function hashOfLevels(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/**
 * Opens a file of levels, H * W * C bytes for each image of the index.
 *
 * @returns selects images by their positions in the file
 */
export function openLevels(
  path: string,
  index: ImageIndex,
  { height, width, channels }: Screening['input'],
  others?: readonly string[],
): (positions: readonly number[]) => LabelledImages {
  const size = height * width * channels;
  // The file stays open as long as the process: images are read whenever they are asked for.
  const levels = openSync(path, 'r');
  return (positions) => {
    const buffer = new Uint8Array(size);
    return {
      count: positions.length,
      labels: Uint16Array.from(positions, (i) => index.files[i]?.label as number),
      stored: { path, index, positions, ...(others ? { others } : {}) },
      image: (i) => {
        if (readSync(levels, buffer, 0, size, (positions[i] as number) * size) !== size)
          throw new DataError(`${path} is cut off. Remove it.`);
        return buffer;
      },
    };
  };
}

/** Days without use after which decoded images that no run keeps are removed. */
export const DAYS_UNUSED = 7;

const DAY = 24 * 60 * 60 * 1000;

/**
 * Removes from a cache the decoded images that no run keeps (a run's are another name of the same file) and that were not used for a
 * week, and what killed processes left.
 *
 * @returns the bytes that stay and are no run's
 */
export async function pruneCache(cache: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(cache).catch(() => [] as string[])) {
    if (!/\.levels(\.[\w-]+\.tmp)?$/.test(name)) continue;
    const path = join(cache, name);
    const found = await stat(path).catch(() => null);
    if (!found || found.nlink > 1) continue;
    const isOld = Date.now() - found.mtimeMs > (name.endsWith('.tmp') ? 1 : DAYS_UNUSED) * DAY;
    if (!isOld) bytes += found.size;
    else for (const file of [path.replace(/levels$/, 'json'), path]) await rm(file, { force: true });
  }
  return bytes;
}

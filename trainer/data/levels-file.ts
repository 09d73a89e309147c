import { createHash } from 'node:crypto';
import { createReadStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DataError, type LabelledImages } from './dataset.ts';
import type { ImageIndex } from './image-index.ts';

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

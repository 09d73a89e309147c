import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { pixelsOf } from '../peers/pixels.ts';
import type { Pictures } from './built.ts';

/** The screen's answer for a picture that reached the upstream, when it is sent alone. */
export interface Known {
  tensor: string;
  label: string;
}

/** Makes the pictures that the bodies are built from, each 28 x 28 and grey, plain PNGs and baseline JPEGs. */
export async function makePictures(): Promise<Pictures> {
  const digit = (name: string) => readFile(join('test', 'samples', `digit-${name}-a.png`)).then(plainPng);
  const [a, b, pngSix] = [await digit('7'), await digit('0'), await digit('6')];
  const jpeg = (png: Buffer) => sharp(png).toColourspace('b-w').jpeg({ quality: 95, progressive: false, optimiseCoding: false }).toBuffer();
  return { a, b, pngSix, jpegA: await jpeg(a), jpegB: await jpeg(b), jpegSix: await jpeg(pngSix) };
}

/**
 * Returns the screen's answers for pictures, by the sha256 of their RGBA pixels as libvips decodes them.
 *
 * @param screen tells tensor and label of a plain PNG
 */
export function openPictures(screen: (png: Buffer) => Promise<Known>) {
  const known = new Map<string, Known>();
  return {
    known,
    /** Has the screen look at the bare pixels of a file, where they are new. A file that can't be decoded is left out. */
    add: async (file: Buffer): Promise<void> => {
      const decoded = await pixelsOf(file).catch(() => null);
      if (!decoded) return;
      const { width, height, rgba } = decoded;
      const key = createHash('sha256').update(`${width}x${height}:`).update(rgba).digest('hex');
      if (!known.has(key))
        known.set(
          key,
          await screen(
            await sharp(rgba, { raw: { width, height, channels: 4 } })
              .png()
              .toBuffer(),
          ),
        );
    },
  };
}

/** Grey, 8 bits, without anything but the pixels. */
const plainPng = (file: Buffer) => sharp(file).toColourspace('b-w').png({ progressive: false }).toBuffer();

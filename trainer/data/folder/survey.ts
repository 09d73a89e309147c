import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import type { DecodedImage } from '../../../shared/images/image.ts';
import { DEFAULT_LIMITS } from '../../../shared/images/limits.ts';
import { readBmpHeader, readTrainingImage } from '../training-formats.ts';
import type { LabelledFile } from './labels.ts';

/** Facts from the header of an image file. */
export interface HeaderFacts {
  label: number;
  /** Upright. */
  width: number;
  height: number;
  mayBeTransparent: boolean;
}

/** Facts from the pixels of an image. */
export interface PixelFacts {
  /** The mean colour of what is not transparent; null where all is. */
  mean: Colour | null;
  /** The median colour of the border; null where the border is transparent. */
  border: Colour | null;
  /** The border has about one colour, or is transparent. */
  hasPlainBorder: boolean;
  isTransparent: boolean;
}

export type Colour = readonly [number, number, number];

const READ_AT_ONCE = 16;
/** Images whose pixels are looked at. */
const SAMPLE = 100;
/** Levels that are about the same differ by this much at most; share of a border that must. */
const [CLOSE, MOST] = [24, 0.9];

/** Says whether two colours are about the same. */
export const areClose = (a: Colour, b: Colour): boolean => a.every((level, i) => Math.abs(level - (b[i] as number)) <= CLOSE);

/** Reads the headers of all files; leaves out those that can't be read. */
export async function readHeaders(directory: string, entries: readonly LabelledFile[]): Promise<HeaderFacts[]> {
  const read = async ({ file, label }: LabelledFile): Promise<HeaderFacts[]> => {
    const header = await headerOf(join(directory, file)).catch(() => null);
    return header ? [{ label, ...header }] : [];
  };
  return (await Readable.from(entries).map(read, { concurrency: READ_AT_ONCE }).toArray()).flat();
}

async function headerOf(path: string): Promise<Omit<HeaderFacts, 'label'>> {
  if (await beginsWithBm(path)) return { ...readBmpHeader(await readFile(path)), mayBeTransparent: false };
  const { autoOrient, hasAlpha } = await sharp(path).metadata();
  return { ...autoOrient, mayBeTransparent: hasAlpha };
}

async function beginsWithBm(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    return (await file.read(Buffer.alloc(2), 0, 2, 0)).buffer.toString('latin1') === 'BM';
  } finally {
    await file.close();
  }
}

/** Looks at the pixels of some images, evenly spread over the files. */
export async function samplePixels(directory: string, entries: readonly LabelledFile[]): Promise<PixelFacts[]> {
  const chosen = entries.filter((_, i) => Math.floor((i * SAMPLE) / entries.length) !== Math.floor(((i - 1) * SAMPLE) / entries.length));
  const facts: PixelFacts[] = [];
  for (const { file } of chosen) {
    const bytes = await readFile(join(directory, file));
    const read = (background: number) => readTrainingImage(bytes, { limits: DEFAULT_LIMITS, background });
    const over = await Promise.all([read(0), read(255)]).catch(() => null);
    if (over) facts.push(pixelFacts(over[0], over[1]));
  }
  return facts;
}

/** Compares an image over black with the same over white: where these differ, it is transparent. */
export function pixelFacts(black: DecodedImage, white: DecodedImage): PixelFacts {
  const { width, height, channels } = black;
  const sum = [0, 0, 0];
  let opacity = 0;
  const border: number[][] = [[], [], []];
  let clear = 0;
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += channels) {
      const alpha = 255 - ((white.pixels[at] as number) - (black.pixels[at] as number));
      opacity += alpha / 255;
      const isBorder = y === 0 || x === 0 || y === height - 1 || x === width - 1;
      if (isBorder && alpha < 128) clear++;
      for (let i = 0; i < 3; i++) {
        const level = black.pixels[at + (channels === 3 ? i : 0)] as number;
        sum[i] = (sum[i] as number) + level;
        if (isBorder && alpha >= 128) border[i]?.push((255 * level) / alpha);
      }
    }
  const opaque = (border[0] as number[]).length;
  const median = border.map((levels) => medianOf(levels)) as unknown as Colour;
  const close = Array.from({ length: opaque }, (_, i) => border.map((levels) => levels[i]) as unknown as Colour).filter((colour) =>
    areClose(colour, median),
  ).length;
  return {
    mean: opacity > 0 ? (sum.map((level) => level / opacity) as unknown as Colour) : null,
    border: clear > opaque ? null : median,
    hasPlainBorder: clear + close >= MOST * (clear + opaque),
    isTransparent: opacity < width * height - 0.5,
  };
}

/** Returns the lower median; 0 of nothing. */
export function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}

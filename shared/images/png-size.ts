import type { PngFile } from './png-file.ts';

type Size = Pick<PngFile, 'width' | 'height' | 'colourType' | 'bitDepth' | 'interlaced'>;

/** Samples of a pixel, by colour type (PNG, 11.2.1). */
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** First column and row of each pass of Adam7, and their steps (PNG, 8.1). */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of a PNG's rows before they are compressed, each row with its filter type, of all passes (PNG, 7.2). */
export function inflatedSize(png: Size): number {
  const { width, height, interlaced } = png;
  const bits = bitsOf(png);
  const size = (w: number, h: number) => (w < 1 || h < 1 ? 0 : h * (1 + Math.ceil((w * bits) / 8)));
  if (!interlaced) return size(width, height);
  return ADAM7.reduce((sum, [x, y, right, down]) => sum + size(Math.ceil((width - x) / right), Math.ceil((height - y) / down)), 0);
}

/** What its pixels count as, in pixels of 32 bits, which those of 16 bits a channel may exceed. */
export const countedPixels = (png: Size): number => Math.ceil(png.width * png.height * Math.max(1, bitsOf(png) / 32));

const bitsOf = ({ bitDepth, colourType }: Size): number => bitDepth * (SAMPLES[colourType] as number);

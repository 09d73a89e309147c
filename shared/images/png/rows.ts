import { inflate } from '#zlib';
import { damaged, type PngFile } from './container.ts';

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
/** Filter types (PNG, 9.2): none, sub, up, average, Paeth. */
const FILTERS = 5;

/**
 * Inflates a PNG's rows once before they are decoded. The decoder stops after the last pixel and ignores the checksum that follows
 * (Adler-32, RFC 1950), so damaged pixels would be screened as if they were whole. It does not fail on pixels that pass this check.
 *
 * @throws ImageError if the rows are damaged
 */
export function checkRows(file: PngFile): void {
  const size = inflatedSize(file);
  const found = inflate(file.compressed, size);
  const isWhole = found.state === 'whole' && found.bytes.length === size;
  if (isWhole && hasKnownFilters(found.bytes, file)) return;
  if (isWhole) throw damaged('a row of its pixels has a filter that PNG does not have');
  if (found.state === 'damaged') throw damaged('its compressed pixels do not end as they should, or their checksum is wrong');
  throw damaged(`its compressed pixels are ${found.state === 'too-long' ? 'more' : 'fewer'} than its width and height say`);
}

/** Returns the rows of each pass before compression (PNG, 7.2): how many, and the bytes of each with its filter type. */
function passesOf(png: Size): { rows: number; rowBytes: number }[] {
  const { width, height, interlaced } = png;
  const bits = bitsOf(png);
  const passes = interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const);
  return passes.flatMap(([x, y, right, down]) => {
    const [columns, rows] = [Math.ceil((width - x) / right), Math.ceil((height - y) / down)];
    return columns < 1 || rows < 1 ? [] : { rows, rowBytes: 1 + Math.ceil((columns * bits) / 8) };
  });
}

/** Returns the bytes of a PNG's rows before compression. */
export const inflatedSize = (png: Size): number => passesOf(png).reduce((sum, { rows, rowBytes }) => sum + rows * rowBytes, 0);

/** Says whether each row begins with a filter type that PNG defines. */
export function hasKnownFilters(inflated: Uint8Array, png: Size): boolean {
  let at = 0;
  for (const { rows, rowBytes } of passesOf(png))
    for (let row = 0; row < rows; row++, at += rowBytes) if ((inflated[at] as number) >= FILTERS) return false;
  return true;
}

/** Returns what the pixels count as, in pixels of 32 bits; with 16 bits a channel they may count for more. */
export const countedPixels = (png: Size): number => Math.ceil(png.width * png.height * Math.max(1, bitsOf(png) / 32));

const bitsOf = ({ bitDepth, colourType }: Size): number => bitDepth * (SAMPLES[colourType] as number);

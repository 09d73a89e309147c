import { jpegDecoder } from './decode-jpeg.ts';
import { pngDecoder } from './decode-png.ts';
import { ImageError } from './image-error.ts';
import { inflate } from './inflate.ts';
import { readJpegFile } from './jpeg-file.ts';
import { countedJpegPixels, eighthsOf } from './jpeg-scale.ts';
import { kindOfFile } from './kind-of-file.ts';
import type { ImageLimits } from './limits.ts';
import { opaqueOf } from './opaque.ts';
import { decideOrientation } from './orientation.ts';
import { type PngFile, readPngFile } from './png-file.ts';
import { countedPixels, hasKnownFilters, inflatedSize } from './png-size.ts';
import { turnUpright, type UprightImage } from './upright.ts';

/** How a file is read. */
export interface ReadOptions {
  limits: ImageLimits;
  /** The level, 0 to 255, that shows where an image is transparent. */
  background: number;
  /** Called before the pixels are inflated, with what they count as (`countedPixels`, `countedJpegPixels`); may throw. */
  onPixels?: (pixels: number) => void;
}

/** Reads an image file. @throws ImageError saying what is wrong with it */
export type ReadImage = (bytes: Uint8Array, options: ReadOptions) => Promise<UprightImage>;

/**
 * Makes the one reader of image files, PNG and JPEG. Worker, command line, training and calibration use it, so that the same file is
 * taken or refused everywhere, with the same words, and gives the same pixels to the bit.
 *
 * @param modules jSquash's PNG decoder and our build of libjpeg-turbo, compiled by the caller: workerd can't compile bytes
 */
export function imageReader(modules: { png: WebAssembly.Module; jpeg: WebAssembly.Module }): ReadImage {
  const decodePng = pngDecoder(modules.png);
  const decodeJpeg = jpegDecoder(modules.jpeg);
  return async (bytes, { limits, background, onPixels }) => {
    if (bytes.length > limits.maxBytes)
      throw new ImageError(
        `The file has ${bytes.length} bytes; at most ${limits.maxBytes} are allowed. Make it smaller.`,
        'image-too-large',
      );
    const kind = kindOfFile(bytes);
    if (kind !== 'PNG' && kind !== 'JPEG')
      throw new ImageError(
        `The file is ${kind ? `of the kind ${kind}; only PNG and JPEG are read` : 'neither a PNG nor a JPEG'}. Save it as one of these.`,
      );
    const file = kind === 'PNG' ? readPngFile(bytes, limits) : readJpegFile(bytes, limits);
    const orientation = decideOrientation(kind, file.claims);
    const pixels = file.type === 'PNG' ? checkedPixels(file, limits) : countedJpegPixels(file);
    onPixels?.(pixels);
    if (file.type === 'PNG') checkInflated(file);
    let image: UprightImage;
    try {
      image =
        file.type === 'PNG'
          ? decodePng(file.needed, pixels, (decoded) => opaqueOf(decoded, file, background))
          : decodeJpeg(bytes.subarray(0, file.end + 2), { ...file, eighths: eighthsOf(file) });
    } catch {
      throw new ImageError(`The ${kind} is damaged: its pixels can't be decoded without guessing. Use the whole file, or save it again.`);
    }
    return turnUpright(image, orientation);
  };
}

function checkedPixels(file: PngFile, { maxPixels }: ImageLimits): number {
  const pixels = countedPixels(file);
  if (pixels <= maxPixels) return pixels;
  throw new ImageError(
    `The PNG has 16 bits a channel, so it counts as ${pixels} pixels; at most ${maxPixels} are allowed. Save it with 8 bits, or smaller.`,
    'image-too-large',
  );
}

/**
 * Inflates a PNG's pixels once before they are decoded. The decoder stops after the last pixel and ignores the checksum that follows
 * (Adler-32, RFC 1950), so damaged pixels would be screened as if they were whole. It does not fail on pixels that pass this check.
 */
function checkInflated(file: PngFile): void {
  const size = inflatedSize(file);
  const found = inflate(file.compressed, size);
  const isWhole = found.state === 'whole' && found.bytes.length === size;
  if (isWhole && hasKnownFilters(found.bytes, file)) return;
  const why = isWhole
    ? 'a row of its pixels has a filter that PNG does not have'
    : found.state === 'damaged'
      ? 'its compressed pixels do not end as they should, or their checksum is wrong'
      : `its compressed pixels are ${found.state === 'too-long' ? 'more' : 'fewer'} than its width and height say`;
  throw new ImageError(`The PNG is cut off or damaged: ${why}. Use the whole file, or save it again.`);
}

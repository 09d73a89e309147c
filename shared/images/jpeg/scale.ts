import { ImageError } from '../image.ts';
import { checkSides, checkSize, type ImageLimits } from '../limits.ts';

interface Size {
  width: number;
  height: number;
}

/**
 * A JPEG of more pixels is decoded at reduced size. The rule depends neither on limits that can be configured nor on the model, so a file
 * gives the same pixels in training, in calibration, on the command line and in every worker.
 */
export const WHOLE_JPEG_PIXELS = 2 * 1024 * 1024;
/** The most pixels at reduced size; the largest model input here is 128 x 128. */
const SCALED_JPEG_PIXELS = 1.5 * 1024 * 1024;

/** The most memory that a JPEG of several scans keeps until the last one: two bytes for each coefficient. */
export const MAX_COEFFICIENT_BYTES = 25 * 1024 * 1024;
const BLOCK_BYTES = 128;

/** Returns at how many eighths of its sides a JPEG is decoded: 8, or the largest of 4, 2 and 1 that leaves few enough pixels. */
export function eighthsOf(stored: Size): number {
  if (stored.width * stored.height <= WHOLE_JPEG_PIXELS) return 8;
  const isFew = (eighths: number) => pixelsOf(scaledSize(stored, eighths)) <= SCALED_JPEG_PIXELS;
  return [4, 2].find(isFew) ?? 1;
}

/** Returns the size at which libjpeg-turbo decodes, rounded up. */
export const scaledSize = ({ width, height }: Size, eighths: number): Size => ({
  width: Math.ceil((width * eighths) / 8),
  height: Math.ceil((height * eighths) / 8),
});

/** Returns what a JPEG counts as among the pixels of a request: one that is scaled down costs about as much as the largest that is not. */
export const countedJpegPixels = (stored: Size): number => Math.min(pixelsOf(stored), WHOLE_JPEG_PIXELS);

/** Checks the size of a JPEG. @throws ImageError `image-too-large` naming the limit */
export function checkJpegSize(stored: Size, limits: ImageLimits): void {
  const is = `The image is ${stored.width} x ${stored.height}`;
  const scaled = scaledSize(stored, eighthsOf(stored));
  const isScaled = scaled.width !== stored.width;
  if (pixelsOf(stored) > limits.maxJpegPixels)
    throw new ImageError(`${is}; a JPEG may have at most ${limits.maxJpegPixels} pixels. Make it smaller.`, 'image-too-large');
  if (isScaled && pixelsOf(scaled) > limits.maxPixels)
    throw new ImageError(
      `${is}, and is decoded as ${scaled.width} x ${scaled.height}; at most ${limits.maxPixels} pixels are allowed. Make it smaller.`,
      'image-too-large',
    );
  if (isScaled) checkSides(stored, limits);
  else checkSize(stored, limits);
}

/** Checks the memory that several scans take. @param blocks of all components. @throws ImageError `image-too-large` naming the limit */
export function checkCoefficients({ width, height, blocks }: Size & { blocks: number }): void {
  const bytes = blocks * BLOCK_BYTES;
  if (bytes > MAX_COEFFICIENT_BYTES)
    throw new ImageError(
      `The JPEG is ${width} x ${height} and stored in several scans (progressive), which take ${bytes} bytes of memory at once; ` +
        `at most ${MAX_COEFFICIENT_BYTES} are allowed. Save it as an ordinary (baseline) JPEG, or make it smaller.`,
      'image-too-large',
    );
}

/**
 * Returns the coefficients that a JPEG's scans may go through together (`scanOf` counts them): 8 per pixel, into which libjpeg's usual
 * progressive script just fits with colour at full size (4:4:4), and some more for small images.
 */
export function maxCoefficients({ width, height }: { width: number; height: number }): number {
  return 4096 + 8 * 64 * Math.ceil(width / 8) * Math.ceil(height / 8);
}

const pixelsOf = ({ width, height }: Size) => width * height;

import { ImageError } from '../image.ts';

/** The most memory that a JPEG of several scans keeps until the last one: two bytes for each coefficient. */
export const MAX_COEFFICIENT_BYTES = 25 * 1024 * 1024;
const BLOCK_BYTES = 128;

interface Size {
  width: number;
  height: number;
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
export function maxCoefficients({ width, height }: Size): number {
  return 4096 + 8 * 64 * Math.ceil(width / 8) * Math.ceil(height / 8);
}

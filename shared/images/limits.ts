import { ImageError } from './image.ts';

/** Limits on a file. Each is checked from the file's headers, before the work that it bounds. */
export interface ImageLimits {
  /** The file's size; for the worker that of a whole request. */
  maxBytes: number;
  /** Width times height, as decoded. */
  maxPixels: number;
  /** Width times height of a JPEG or lossy WebP as stored; a large one is decoded at reduced size (reduced-size.ts). */
  maxJpegPixels: number;
  /** Width, and height: resizing keeps a column of doubles for each row. */
  maxSide: number;
  /** The longer side divided by the shorter. */
  maxAspect: number;
  /** The scans of a progressive JPEG, or of one with a scan for each component. */
  maxScans: number;
}

/** The worker's defaults (edge/config.ts), which training, calibration and the command line use too. */
export const DEFAULT_LIMITS: ImageLimits = {
  maxBytes: 5 * 1024 * 1024,
  maxPixels: 2 * 1024 * 1024,
  maxJpegPixels: 25 * 1024 * 1024,
  maxSide: 8192,
  maxAspect: 64,
  maxScans: 64,
};

/** Says that a file is too large, naming the limit; null if it is not. */
export function bytesProblem(bytes: number, { maxBytes }: ImageLimits): ImageError | null {
  if (bytes <= maxBytes) return null;
  return new ImageError(`The file has ${bytes} bytes; at most ${maxBytes} are allowed. Make it smaller.`, 'image-too-large');
}

/** Checks an image's size. @throws ImageError `image-too-large` naming the limit */
export function checkSize(size: { width: number; height: number }, limits: ImageLimits): void {
  const { width, height } = size;
  if (width * height > limits.maxPixels)
    throw new ImageError(
      `The image is ${width} x ${height}; at most ${limits.maxPixels} pixels are allowed. Make it smaller.`,
      'image-too-large',
    );
  checkSides(size, limits);
}

/** Checks an image's sides. @throws ImageError if it has no pixels, or `image-too-large` naming the limit */
export function checkSides({ width, height }: { width: number; height: number }, limits: ImageLimits): void {
  const is = `The image is ${width} x ${height}`;
  if (width < 1 || height < 1) throw new ImageError(`${is}: it has no pixels. Use another file.`);
  if (Math.max(width, height) > limits.maxSide)
    throw new ImageError(`${is}; each side may have at most ${limits.maxSide} pixels. Make it smaller.`, 'image-too-large');
  if (Math.max(width, height) > limits.maxAspect * Math.min(width, height))
    throw new ImageError(`${is}; the longer side may be at most ${limits.maxAspect} times the shorter. Crop it.`, 'image-too-large');
}

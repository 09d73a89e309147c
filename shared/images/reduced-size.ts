import { ImageError } from './image.ts';
import { checkSides, checkSize, type ImageLimits } from './limits.ts';

interface Size {
  width: number;
  height: number;
}

/**
 * An image of more pixels is decoded at reduced size, where its format can be (JPEG, lossy WebP). The rule depends neither on limits that
 * can be configured nor on the model, so a file gives the same pixels in training, in calibration, on the command line and in every worker.
 */
export const WHOLE_PIXELS = 2 * 1024 * 1024;
/** The most pixels at reduced size; the largest model input here is 128 x 128. */
const REDUCED_PIXELS = 1.5 * 1024 * 1024;

/** Returns at how many eighths of its sides an image is decoded: 8, or the largest of 4, 2 and 1 that leaves few enough pixels. */
export function eighthsOf(stored: Size): number {
  if (pixelsOf(stored) <= WHOLE_PIXELS) return 8;
  const isFew = (eighths: number) => pixelsOf(reducedSize(stored, eighths)) <= REDUCED_PIXELS;
  return [4, 2].find(isFew) ?? 1;
}

/** Returns the size of an image at some eighths of its sides, rounded up. */
export const reducedSize = ({ width, height }: Size, eighths: number): Size => ({
  width: Math.ceil((width * eighths) / 8),
  height: Math.ceil((height * eighths) / 8),
});

/** Returns what an image counts as among the pixels of a request: a reduced one costs about as much as the largest that is not. */
export const countedPixels = (stored: Size): number => Math.min(pixelsOf(stored), WHOLE_PIXELS);

/**
 * Checks the size of an image that is decoded at reduced size if it is large.
 *
 * @param most the most pixels as stored
 * @throws ImageError `image-too-large` naming the limit
 */
export function checkReducedSize(kind: string, stored: Size, most: number, limits: ImageLimits): void {
  const is = `The image is ${stored.width} x ${stored.height}`;
  const reduced = reducedSize(stored, eighthsOf(stored));
  const isReduced = reduced.width !== stored.width;
  if (pixelsOf(stored) > most)
    throw new ImageError(`${is}; a ${kind} may have at most ${most} pixels. Make it smaller.`, 'image-too-large');
  if (isReduced && pixelsOf(reduced) > limits.maxPixels)
    throw new ImageError(
      `${is}, and is decoded as ${reduced.width} x ${reduced.height}; at most ${limits.maxPixels} pixels are allowed. Make it smaller.`,
      'image-too-large',
    );
  if (isReduced) checkSides(stored, limits);
  else checkSize(stored, limits);
}

const pixelsOf = ({ width, height }: Size) => width * height;

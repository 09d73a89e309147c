import { type DecodedImage, ImageError } from './image.ts';

/** A statement of one place in a file about how the stored picture must be turned to be upright. */
export interface OrientationClaim {
  /** EXIF orientation, 1 (as stored) to 8. */
  orientation: number;
  /** The place, in a person's words. */
  from: string;
  /** True if every reader of images looks there and reads it alike. */
  counts: boolean;
}

/** Adds claims that are not there yet, so that a file that repeats itself keeps few. */
export function addClaims(claims: OrientationClaim[], more: readonly OrientationClaim[]): void {
  for (const claim of more) {
    const isThere = claims.some(
      ({ orientation, from, counts }) => orientation === claim.orientation && from === claim.from && counts === claim.counts,
    );
    if (!isThere) claims.push(claim);
  }
}

/**
 * Decides how an image is turned: as the first claim that counts says, else not at all.
 *
 * Readers of images differ in where else they look (a second EXIF block, EXIF after the frame header, XMP). If such a place says
 * something else, they show two pictures, so the file is refused.
 *
 * @returns EXIF orientation, 1 to 8
 * @throws ImageError if two places differ
 */
export function decideOrientation(type: string, claims: readonly OrientationClaim[]): number {
  const counted = claims.find(({ counts }) => counts);
  const orientation = counted?.orientation ?? 1;
  const other = claims.find((claim) => claim.orientation !== orientation);
  if (!other) return orientation;
  const says = counted ? `${counted.from} says ${orientation}` : 'nothing that all readers look at says so';
  throw new ImageError(
    `It is not clear how the ${type} is turned: ${other.from} says orientation ${other.orientation}, but ${says}. ` +
      'Readers of images would show different pictures. Save it upright, without metadata.',
  );
}

/**
 * Turns an image upright by its EXIF orientation (EXIF 2.32, tag 0x0112); 5 to 8 swap width and height.
 *
 * @param orientation 1 to 8
 */
export function turnUpright(image: DecodedImage, orientation: number): DecodedImage {
  if (orientation === 1) return image;
  const { width: w, height: h, channels, pixels } = image;
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];
  // Where the pixel shown at the top left is stored, and how far the next one to the right and the next one below are from it.
  const [right, down, first] = STEPS[orientation]?.(w, h) ?? [];
  if (right === undefined || down === undefined || first === undefined)
    throw new RangeError(`orientation is ${orientation}; 1 to 8 are allowed`);
  const turned = new Uint8Array(pixels.length);
  let to = 0;
  for (let row = 0; row < height; row++) {
    let from = channels * (first + row * down);
    for (let column = 0; column < width; column++, from += channels * right)
      for (let channel = 0; channel < channels; channel++) turned[to++] = pixels[from + channel] as number;
  }
  return { width, height, channels, pixels: turned };
}

/** For a stored image of width w and height h, in stored pixels: a step to the right, a step down, the first pixel. */
const STEPS: Record<number, (w: number, h: number) => [right: number, down: number, first: number]> = {
  2: (w) => [-1, w, w - 1],
  3: (w, h) => [-1, -w, w * h - 1],
  4: (w, h) => [1, -w, w * (h - 1)],
  5: (w) => [w, 1, 0],
  6: (w, h) => [-w, 1, w * (h - 1)],
  7: (w, h) => [-w, -1, w * h - 1],
  8: (w) => [w, -1, w - 1],
};

import { ImageError } from './image.ts';

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

/** An upright image's size, and where the stored pixels lie in it: the first one, and the steps to the next in its row and below. */
export interface UprightLayout {
  width: number;
  height: number;
  first: number;
  column: number;
  row: number;
}

/**
 * Lays out a stored image of w x h pixels upright by its EXIF orientation (EXIF 2.32, tag 0x0112), so that a decoder writes each pixel to
 * its place at once, and no second image is made.
 *
 * @throws RangeError if the orientation is not 1 to 8
 */
export function uprightLayout(w: number, h: number, orientation: number): UprightLayout {
  const layouts: [first: number, column: number, row: number][] = [
    [0, 1, w],
    [w - 1, -1, w],
    [w * h - 1, -1, -w],
    [w * (h - 1), 1, -w],
    [0, h, 1],
    [h - 1, h, -1],
    [w * h - 1, -h, -1],
    [h * (w - 1), -h, 1],
  ];
  const layout = layouts[orientation - 1];
  if (!layout) throw new RangeError(`orientation is ${orientation}; 1 to 8 are allowed`);
  const [first, column, row] = layout;
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];
  return { width, height, first, column, row };
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';

/** Of the images themselves, 16 MB; what a model makes of them on the way is some times that. */
const MOST_FLOATS = 4 * 1024 * 1024;

/**
 * How many images to treat at once, so that the memory needed does not grow with their size.
 *
 * @param most however small they are
 * @param copies that are made of each image at once
 * @returns 1 at least
 */
export function imagesWithinMemory({ height, width, channels }: Screening['input'], most: number, copies = 1): number {
  return Math.max(1, Math.min(most, Math.floor(MOST_FLOATS / (copies * height * width * channels))));
}

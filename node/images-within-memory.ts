import type { Screening } from '../shared/bundle/screening-schema.ts';

/** 16 MB of images; what a model computes from them is a multiple of that. */
const MOST_FLOATS = 4 * 1024 * 1024;

/**
 * Returns how many images to treat at once, so that the memory needed does not grow with their size.
 *
 * @param most limit for small images
 * @param copies number of copies made of each image at once
 * @returns at least 1
 */
export function imagesWithinMemory({ height, width, channels }: Screening['input'], most: number, copies = 1): number {
  return Math.max(1, Math.min(most, Math.floor(MOST_FLOATS / (copies * height * width * channels))));
}

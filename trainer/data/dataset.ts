import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { UserError } from '../../shared/user-error.ts';

/** Largest height and width that images of a folder may be brought to. */
export const LARGEST_SIDE = 1024;

/** Labelled images whose pixels are in memory or in a file. */
export interface LabelledImages {
  count: number;
  /** Class index of each. */
  labels: Uint8Array | Uint16Array;
  /** H * W * C levels 0 to 255 of one image; a view that is good until the next call. */
  image(index: number): Uint8Array;
}

/** @param pixels count * H * W * C levels */
export function inMemory(pixels: Uint8Array, labels: LabelledImages['labels']): LabelledImages {
  const size = pixels.length / labels.length;
  return { count: labels.length, labels, image: (index) => pixels.subarray(index * size, (index + 1) * size) };
}

export interface Dataset {
  name: string;
  classes: string[];
  input: Screening['input'];
  train: LabelledImages;
  test: LabelledImages;
  /**
   * Of each training image, which images belong together and never straddle splits (the same content twice); undefined where
   * each stands alone.
   */
  groups?: string[];
  /** sha256 of each file read, by its name; of a folder of images that of the list of its files' hashes. */
  checksums: Record<string, string>;
  /** What a user should know: missing, unreadable, or doubled images. */
  notes?: string[];
}

/** A data file is missing, damaged, or not what it should be; the message names the file and what was expected. */
export class DataError extends UserError {}

/**
 * The images at `indices` as the model takes them.
 *
 * @returns float32 [indices.length, H, W, C] in [0, 1]: level / 255, as `shared/preprocess` gives for an image of this size
 */
export function imagesAt(images: LabelledImages, indices: ArrayLike<number>): Float32Array {
  if (indices.length === 0) return new Float32Array(0);
  const size = images.image(indices[0] as number).length;
  const values = new Float32Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const levels = images.image(indices[i] as number);
    for (let j = 0; j < size; j++) values[i * size + j] = (levels[j] as number) / 255;
  }
  return values;
}

/** `imagesAt`, so many at a time. */
export function* batchesAt(images: LabelledImages, indices: readonly number[], atOnce: number): Generator<Float32Array> {
  for (let first = 0; first < indices.length; first += atOnce) yield imagesAt(images, indices.slice(first, first + atOnce));
}

export function labelsAt(images: LabelledImages, indices: ArrayLike<number>): number[] {
  return Array.from(indices, (index) => images.labels[index] as number);
}

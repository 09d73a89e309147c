import type { Screening } from '../../shared/screening-schema.ts';

/** Labelled images, pixels as bytes: `pixels` holds count * H * W * C levels 0 to 255, `labels` the class index of each. */
export interface LabelledImages {
  count: number;
  pixels: Uint8Array;
  labels: Uint8Array;
}

export interface Dataset {
  name: string;
  classes: string[];
  input: Screening['input'];
  train: LabelledImages;
  test: LabelledImages;
  /** sha256 of each file read, by its name. */
  checksums: Record<string, string>;
}

/** A data file is missing, damaged, or not what it should be; the message names the file and what was expected. */
export class DataError extends Error {
  override name = 'DataError';
}

/**
 * The images at `indices` as the model takes them.
 *
 * @returns float32 [indices.length, H, W, C] in [0, 1]: level / 255, as `shared/preprocess` gives for an image of this size
 */
export function imagesAt(images: LabelledImages, indices: ArrayLike<number>): Float32Array {
  const size = images.pixels.length / images.count;
  const values = new Float32Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = (indices[i] as number) * size;
    for (let j = 0; j < size; j++) values[i * size + j] = (images.pixels[from + j] as number) / 255;
  }
  return values;
}

export function labelsAt(images: LabelledImages, indices: ArrayLike<number>): number[] {
  return Array.from(indices, (index) => images.labels[index] as number);
}

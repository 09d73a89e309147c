import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { LabelledImages } from '../data/dataset.ts';

/** A thumbnail has about as many cells a side. */
const CELLS = 7;

/** Finds, for an image, a training image of another class that looks like it. */
export interface Neighbours {
  /**
   * @param image [H, W, C] flat, in [0, 1]
   * @param label of the image; null where any class is another one
   * @returns the index of the nearest image of another class, null where there is none
   */
  nearest(image: Float32Array, label: number | null): number | null;
}

/**
 * Compares images by thumbnails, cells of averages: exact distances to 1500 images would cost more than the step of training that they
 * are for.
 *
 * @param indices of the images to choose from
 */
export function neighboursAmong(data: LabelledImages, indices: readonly number[], input: Screening['input']): Neighbours {
  const thumbnail = thumbnails(input);
  const thumbnailsOf = indices.map((index) => thumbnail(Float32Array.from(data.image(index), (level) => level / 255)));
  return {
    nearest(image, label) {
      const wanted = thumbnail(image);
      let [best, least]: [number | null, number] = [null, Number.POSITIVE_INFINITY];
      for (const [i, index] of indices.entries()) {
        if (data.labels[index] === label) continue;
        const candidate = thumbnailsOf[i] as Float32Array;
        let sum = 0;
        for (let j = 0; j < wanted.length && sum < least; j++) sum += ((wanted[j] as number) - (candidate[j] as number)) ** 2;
        if (sum < least) [best, least] = [index, sum];
      }
      return best;
    },
  };
}

/** Returns a function that sums the values of each cell of an image, by channel. */
function thumbnails({ height, width, channels }: Screening['input']): (image: Float32Array) => Float32Array {
  const [rows, columns] = [Math.min(CELLS, height), Math.min(CELLS, width)];
  const cellOf = Int32Array.from({ length: height * width * channels }, (_, i) => {
    const [channel, pixel] = [i % channels, Math.floor(i / channels)];
    const [row, column] = [Math.floor((Math.floor(pixel / width) * rows) / height), Math.floor(((pixel % width) * columns) / width)];
    return (row * columns + column) * channels + channel;
  });
  return (image) => {
    const cells = new Float32Array(rows * columns * channels);
    for (let i = 0; i < image.length; i++) cells[cellOf[i] as number] = (cells[cellOf[i] as number] as number) + (image[i] as number);
    return cells;
  };
}

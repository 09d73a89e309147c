import { imagesAt, type LabelledImages } from '../dataset.ts';
import type { Genuine } from './make.ts';

/** Images of classes that are at hand to make unknown ones. */
export const AT_ONCE = 100;

/** Returns the images of an order, in parts, to make unknown images from. @returns a function that takes the place of the first */
export function genuineIn(images: LabelledImages, order: readonly number[], unlike: Genuine['unlike']): (first: number) => Genuine {
  return (first) => {
    const indices = Array.from({ length: Math.min(AT_ONCE, order.length) }, (_, i) => order[(first + i) % order.length] as number);
    return {
      values: imagesAt(images, indices),
      count: indices.length,
      label: (i) => images.labels[indices[i] as number] ?? null,
      own: null,
      unlike,
    };
  };
}

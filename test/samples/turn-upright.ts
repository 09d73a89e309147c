import type { DecodedImage } from '../../shared/images/image.ts';
import { uprightLayout } from '../../shared/images/orientation.ts';

/** Turns a stored image upright as the decoders do, pixel by pixel. */
export function turnUpright({ channels, pixels, ...stored }: DecodedImage, orientation: number): DecodedImage {
  const { width, height, first, column, row } = uprightLayout(stored.width, stored.height, orientation);
  const turned = new Uint8Array(pixels.length);
  for (let y = 0; y < stored.height; y++)
    for (let x = 0; x < stored.width; x++) {
      const from = channels * (y * stored.width + x);
      turned.set(pixels.subarray(from, from + channels), channels * (first + x * column + y * row));
    }
  return { width, height, channels, pixels: turned };
}

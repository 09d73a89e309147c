import type { Preprocess } from '../bundle/screening-schema.ts';
import type { DecodedImage } from './image.ts';
import { uprightLayout } from './orientation.ts';

/** Levels behind transparent pixels and in the padding: one grey level, or three of red, green and blue. */
export type Background = Preprocess['background'];

/** Returns the levels of red, green and blue. */
export const rgbOf = (background: Background): readonly [number, number, number] =>
  typeof background === 'number' ? [background, background, background] : background;

/** RGBA pixels as a decoder gives them, row by row, as stored. */
interface Rgba {
  width: number;
  height: number;
  data: Uint8Array;
}

/**
 * Makes an upright image of decoded pixels. Composites them over the background, each level rounded to a whole one, so that transparency
 * hides nothing. A grey image over a coloured background becomes RGB.
 *
 * @param is.grey the image has no colours; `is.transparent`: some pixels may have an alpha below 255
 * @throws RangeError if there are not four levels for each pixel
 */
export function opaqueOf(
  { width: w, height: h, data }: Rgba,
  is: { grey: boolean; transparent: boolean },
  background: Background,
  orientation: number,
): DecodedImage {
  if (data.length !== 4 * w * h) throw new RangeError(`an image of ${w} x ${h} needs ${4 * w * h} levels, not ${data.length}`);
  const behind = rgbOf(background);
  const channels = is.grey && (!is.transparent || behind.every((level) => level === behind[0])) ? 1 : 3;
  const { width, height, ...layout } = uprightLayout(w, h, orientation);
  const pixels = new Uint8Array(width * height * channels);
  const step = channels * layout.column;
  for (let row = 0, from = 0; row < h; row++) {
    let to = channels * (layout.first + row * layout.row);
    const end = from + 4 * w;
    if (is.transparent)
      for (; from < end; from += 4, to += step) {
        const alpha = data[from + 3] as number;
        for (let i = 0; i < channels; i++)
          pixels[to + i] = rounded((data[from + i] as number) * alpha + (behind[i] as number) * (255 - alpha));
      }
    else if (channels === 1) for (; from < end; from += 4, to += step) pixels[to] = data[from] as number;
    else
      for (; from < end; from += 4, to += step) {
        pixels[to] = data[from] as number;
        pixels[to + 1] = data[from + 1] as number;
        pixels[to + 2] = data[from + 2] as number;
      }
  }
  return { width, height, channels, pixels };
}

/** Returns `Math.floor(sum / 255 + 0.5)` for a whole number up to 255 * 255 without a division; halves can't occur, because 255 is odd. */
export function rounded(sum: number): number {
  const more = sum + 127;
  return (more + 1 + (more >> 8)) >> 8;
}

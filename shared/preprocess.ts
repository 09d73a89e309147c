import { resizeTriangle } from './resize.ts';
import type { Preprocess, Screening } from './screening-schema.ts';

/** A decoded image: 8-bit RGBA, row by row, not yet turned as its EXIF orientation says. */
export interface RawImage {
  width: number;
  height: number;
  /** 4 * width * height values */
  rgba: Uint8Array | Uint8ClampedArray;
  /** EXIF orientation, 1 (as stored) to 8 */
  orientation: number;
}

/**
 * The one way from a decoded image to the model's input; trainer, command line and worker all call this, so that the same
 * file gives the same tensor everywhere, to the bit. Only + - * / of doubles, in a fixed order, rounded to float32 at the end.
 *
 * @returns float32 values in [0, 1], H*W*C, rows first, channels last
 * @throws RangeError where the pixel count does not fit width and height, or the orientation is not 1 to 8
 */
export function preprocess(image: RawImage, input: Screening['input'], rules: Preprocess): Float32Array {
  if (image.rgba.length !== 4 * image.width * image.height || image.rgba.length === 0) {
    throw new RangeError(
      `an image of ${image.width} x ${image.height} needs ${4 * image.width * image.height} RGBA values, not ${image.rgba.length}`,
    );
  }
  const upright = turned(overBackground(image, input.channels, rules), image.width, image.height, input.channels, image.orientation);
  const placed = placement(upright.width, upright.height, input, rules.fit);
  const resized = resizeTriangle(upright.values, upright.width, upright.height, input.channels, placed.width, placed.height);
  const output = new Float32Array(input.height * input.width * input.channels).fill(scaled(rules.background, rules));
  for (let row = 0; row < placed.height; row++) {
    for (let i = 0; i < placed.width * input.channels; i++) {
      const at = ((row + placed.top) * input.width + placed.left) * input.channels + i;
      output[at] = scaled(resized[row * placed.width * input.channels + i] as number, rules);
    }
  }
  return output;
}

/** Level 0 to 255 to [0, 1], inverted where the rules say so. */
function scaled(level: number, rules: Preprocess): number {
  const share = Math.min(Math.max(level / 255, 0), 1);
  return rules.polarity === 'inverted' ? 1 - share : share;
}

/** Pixels over the background by their alpha, as `channels` planes interleaved; grey by BT.601 luma in integers, exact for grey input. */
function overBackground(image: RawImage, channels: 1 | 3, rules: Preprocess): Float64Array {
  const { rgba } = image;
  const pixels = image.width * image.height;
  const values = new Float64Array(pixels * channels);
  for (let p = 0; p < pixels; p++) {
    const alpha = rgba[4 * p + 3] as number;
    const over = (channel: number) => {
      const level = rgba[4 * p + channel] as number;
      return alpha === 255 ? level : (level * alpha + rules.background * (255 - alpha)) / 255;
    };
    if (channels === 1) values[p] = (299 * over(0) + 587 * over(1) + 114 * over(2)) / 1000;
    else for (let channel = 0; channel < 3; channel++) values[3 * p + channel] = over(channel);
  }
  return values;
}

/** The image as its EXIF orientation shows it. Orientations 5 to 8 swap width and height. */
function turned(values: Float64Array, width: number, height: number, channels: number, orientation: number) {
  if (!Number.isInteger(orientation) || orientation < 1 || orientation > 8)
    throw new RangeError(`orientation is ${orientation}; EXIF knows 1 to 8`);
  if (orientation === 1) return { values, width, height };
  const swap = orientation >= 5;
  const [w, h] = swap ? [height, width] : [width, height];
  const output = new Float64Array(values.length);
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      const [r, c] = source(orientation, row, column, width, height);
      for (let channel = 0; channel < channels; channel++) {
        output[(row * w + column) * channels + channel] = values[(r * width + c) * channels + channel] as number;
      }
    }
  }
  return { values: output, width: w, height: h };
}

/** Stored row and column that is shown at (row, column). EXIF 2.3, tag 0x0112. */
function source(orientation: number, row: number, column: number, width: number, height: number): [number, number] {
  const right = width - 1;
  const bottom = height - 1;
  switch (orientation) {
    case 2:
      return [row, right - column];
    case 3:
      return [bottom - row, right - column];
    case 4:
      return [bottom - row, column];
    case 5:
      return [column, row];
    case 6:
      return [bottom - column, row];
    case 7:
      return [bottom - column, right - row];
    default:
      return [column, right - row];
  }
}

/** Where the resized image lies within the model's input. */
function placement(width: number, height: number, input: Screening['input'], fit: Preprocess['fit']) {
  if (fit === 'stretch' || width * input.height === height * input.width)
    return { width: input.width, height: input.height, left: 0, top: 0 };
  const scale = Math.min(input.width / width, input.height / height);
  const w = Math.min(input.width, Math.max(1, Math.round(width * scale)));
  const h = Math.min(input.height, Math.max(1, Math.round(height * scale)));
  return { width: w, height: h, left: Math.floor((input.width - w) / 2), top: Math.floor((input.height - h) / 2) };
}

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

/** How an image is brought to the model's input unless a bundle says otherwise. */
export const defaultPreprocess: Preprocess = {
  version: 1,
  grey: 'bt601',
  resize: 'triangle',
  fit: 'contain',
  background: 0,
  polarity: 'as-is',
};

/**
 * The one way from a decoded image to the model's input; trainer, command line and worker all call this, so that the same
 * file gives the same tensor everywhere, to the bit: the levels of `preprocessLevels` divided by 255.
 *
 * @returns float32 values in [0, 1], H*W*C, rows first, channels last
 * @throws RangeError where the pixel count does not fit width and height, or the orientation is not 1 to 8
 */
export function preprocess(image: RawImage, input: Screening['input'], rules: Preprocess): Float32Array {
  return Float32Array.from(preprocessLevels(image, input, rules), (level) => level / 255);
}

/**
 * What `preprocess` gives, as levels 0 to 255, which is how the trainer keeps images. Only + - * / of doubles, in a fixed
 * order, rounded once at the end.
 *
 * @throws as `preprocess`
 */
export function preprocessLevels(image: RawImage, input: Screening['input'], rules: Preprocess): Uint8Array {
  if (image.rgba.length !== 4 * image.width * image.height || image.rgba.length === 0) {
    throw new RangeError(
      `an image of ${image.width} x ${image.height} needs ${4 * image.width * image.height} RGBA values, not ${image.rgba.length}`,
    );
  }
  if (!Number.isInteger(image.orientation) || image.orientation < 1 || image.orientation > 8)
    throw new RangeError(`orientation is ${image.orientation}; EXIF knows 1 to 8`);
  // The small image is turned, not the large one. Orientations 5 to 8 swap width and height.
  const swap = image.orientation >= 5;
  const placed = swap ? placement(image.height, image.width, input, rules.fit) : placement(image.width, image.height, input, rules.fit);
  const [toWidth, toHeight] = swap ? [placed.height, placed.width] : [placed.width, placed.height];
  const row = rowReader(image, input.channels, rules);
  const small = resizeTriangle(row, image.width, image.height, input.channels, toWidth, toHeight);
  const resized = turned(small, toWidth, toHeight, input.channels, image.orientation);
  const output = new Uint8Array(input.height * input.width * input.channels).fill(rounded(rules.background, rules));
  for (let row = 0; row < placed.height; row++) {
    for (let i = 0; i < placed.width * input.channels; i++) {
      const at = ((row + placed.top) * input.width + placed.left) * input.channels + i;
      output[at] = rounded(resized[row * placed.width * input.channels + i] as number, rules);
    }
  }
  return output;
}

/** To a whole level of 0 to 255, halves upwards, inverted where the rules say so. */
function rounded(level: number, rules: Preprocess): number {
  const whole = Math.min(Math.max(Math.floor(level + 0.5), 0), 255);
  return rules.polarity === 'inverted' ? 255 - whole : whole;
}

/** Reads a row of pixels over the background by their alpha; grey by BT.601 luma in integers, exact for grey input. */
function rowReader({ rgba, width }: RawImage, channels: 1 | 3, { background }: Preprocess) {
  return (row: number, into: Float64Array): void => {
    for (let column = 0; column < width; column++) {
      const at = 4 * (row * width + column);
      let [red, green, blue] = [rgba[at] as number, rgba[at + 1] as number, rgba[at + 2] as number];
      const alpha = rgba[at + 3] as number;
      if (alpha !== 255) {
        red = (red * alpha + background * (255 - alpha)) / 255;
        green = (green * alpha + background * (255 - alpha)) / 255;
        blue = (blue * alpha + background * (255 - alpha)) / 255;
      }
      if (channels === 1) into[column] = (299 * red + 587 * green + 114 * blue) / 1000;
      else {
        into[3 * column] = red;
        into[3 * column + 1] = green;
        into[3 * column + 2] = blue;
      }
    }
  };
}

/** The image as its EXIF orientation shows it. */
function turned(values: Float64Array, width: number, height: number, channels: number, orientation: number): Float64Array {
  if (orientation === 1) return values;
  const [w, h] = orientation >= 5 ? [height, width] : [width, height];
  const output = new Float64Array(values.length);
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      const [r, c] = source(orientation, row, column, width, height);
      for (let channel = 0; channel < channels; channel++) {
        output[(row * w + column) * channels + channel] = values[(r * width + c) * channels + channel] as number;
      }
    }
  }
  return output;
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

import type { Preprocess, Screening } from '../bundle/screening-schema.ts';
import type { DecodedImage } from './image.ts';
import { resizeTriangle } from './resize.ts';

/** The preprocessing unless a bundle says otherwise. */
export const defaultPreprocess: Preprocess = {
  version: 1,
  grey: 'bt601',
  resize: 'triangle',
  fit: 'contain',
  background: 0,
  polarity: 'as-is',
};

/**
 * Brings a decoded image to the model's input: float32 values in [0, 1], H*W*C, rows first, channels last. Trainer, command line and worker
 * all call this, so that the same file gives the same tensor everywhere, to the bit: the levels of `preprocessLevels` divided by 255.
 *
 * @param output the array that is written; a new one by default
 * @throws RangeError if the pixel count does not fit width and height
 */
export function preprocess(
  image: DecodedImage,
  input: Screening['input'],
  rules: Preprocess,
  output: Float32Array = new Float32Array(input.height * input.width * input.channels),
): Float32Array {
  resample(image, input, rules, output, 255);
  return output;
}

/** Returns levels of 0 to 255 as the model takes them: float32 in [0, 1]. */
export function tensorOf(levels: Uint8Array): Float32Array {
  return Float32Array.from(levels, (level) => level / 255);
}

/** Returns what `preprocess` gives as levels of 0 to 255, the form in which the trainer keeps images. @throws as `preprocess` */
export function preprocessLevels(image: DecodedImage, input: Screening['input'], rules: Preprocess): Uint8Array {
  const output = new Uint8Array(input.height * input.width * input.channels);
  resample(image, input, rules, output, 1);
  return output;
}

/** Writes each level, divided. Only + - * / of doubles, in a fixed order, and each level rounded once at the end. */
function resample(
  image: DecodedImage,
  input: Screening['input'],
  rules: Preprocess,
  output: Float32Array | Uint8Array,
  divisor: number,
): void {
  const { width, height, channels, pixels } = image;
  if (pixels.length !== width * height * channels || pixels.length === 0)
    throw new RangeError(`an image of ${width} x ${height} x ${channels} needs ${width * height * channels} levels, not ${pixels.length}`);
  const placed = placement(width, height, input, rules.fit);
  const resized = resizeTriangle(rowReader(image, input.channels), width, height, input.channels, placed.width, placed.height);
  output.fill(rounded(rules.background, rules) / divisor);
  const rowLength = placed.width * input.channels;
  for (let row = 0; row < placed.height; row++) {
    const at = ((row + placed.top) * input.width + placed.left) * input.channels;
    for (let i = 0; i < rowLength; i++) output[at + i] = rounded(resized[row * rowLength + i] as number, rules) / divisor;
  }
}

/** Rounds to a whole level of 0 to 255, halves upwards; inverts it if the rules say so. */
function rounded(level: number, rules: Preprocess): number {
  const whole = Math.min(Math.max(Math.floor(level + 0.5), 0), 255);
  return rules.polarity === 'inverted' ? 255 - whole : whole;
}

/** Reads a row of pixels as the model's channels; grey by BT.601 luma in integers. */
function rowReader({ width, channels, pixels }: DecodedImage, wanted: 1 | 3) {
  return (row: number, into: Float64Array): void => {
    const first = row * width * channels;
    if (channels === wanted) for (let i = 0; i < width * channels; i++) into[i] = pixels[first + i] as number;
    else if (channels === 1) for (let i = 0; i < 3 * width; i++) into[i] = pixels[first + Math.floor(i / 3)] as number;
    else
      for (let column = 0; column < width; column++) {
        const at = first + 3 * column;
        into[column] = (299 * (pixels[at] as number) + 587 * (pixels[at + 1] as number) + 114 * (pixels[at + 2] as number)) / 1000;
      }
  };
}

/** Returns where the resized image lies within the model's input. */
function placement(width: number, height: number, input: Screening['input'], fit: Preprocess['fit']) {
  if (fit === 'stretch' || width * input.height === height * input.width)
    return { width: input.width, height: input.height, left: 0, top: 0 };
  const scale = Math.min(input.width / width, input.height / height);
  const w = Math.min(input.width, Math.max(1, Math.round(width * scale)));
  const h = Math.min(input.height, Math.max(1, Math.round(height * scale)));
  return { width: w, height: h, left: Math.floor((input.width - w) / 2), top: Math.floor((input.height - h) / 2) };
}

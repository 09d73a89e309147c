import type { Preprocess, Screening } from '../bundle/screening-schema.ts';
import type { DecodedImage } from './image.ts';
import { type Background, rgbOf } from './opaque.ts';
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
  const { from, to } = placement(width, height, input, rules.fit);
  const resized = resizeTriangle(rowReader(image, input.channels, from), from.width, from.height, input.channels, to.width, to.height);
  if (to.width < input.width || to.height < input.height) {
    const padding = levelsOf(rules.background, input.channels).map((level) => rounded(level, rules) / divisor);
    for (let i = 0; i < output.length; i++) output[i] = padding[i % input.channels] as number;
  }
  const rowLength = to.width * input.channels;
  for (let row = 0; row < to.height; row++) {
    const at = ((row + to.top) * input.width + to.left) * input.channels;
    for (let i = 0; i < rowLength; i++) output[at + i] = rounded(resized[row * rowLength + i] as number, rules) / divisor;
  }
}

/** Rounds to a whole level of 0 to 255, halves upwards; inverts it if the rules say so. */
function rounded(level: number, rules: Preprocess): number {
  const whole = Math.min(Math.max(Math.floor(level + 0.5), 0), 255);
  return rules.polarity === 'inverted' ? 255 - whole : whole;
}

/** Returns grey by BT.601 luma, its sum in integers. */
const luma = (red: number, green: number, blue: number) => (299 * red + 587 * green + 114 * blue) / 1000;

/** Returns a background in the model's channels. */
function levelsOf(background: Background, channels: 1 | 3): readonly number[] {
  const rgb = rgbOf(background);
  return channels === 3 ? rgb : [luma(...rgb)];
}

/** A part of an image, in pixels. */
interface Part {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Reads a row of a part of the image as the model's channels. */
function rowReader({ width, channels, pixels }: DecodedImage, wanted: 1 | 3, part: Part) {
  const length = part.width;
  return (row: number, into: Float64Array): void => {
    const first = ((row + part.top) * width + part.left) * channels;
    if (channels === wanted) for (let i = 0; i < length * channels; i++) into[i] = pixels[first + i] as number;
    else if (channels === 1) for (let i = 0; i < 3 * length; i++) into[i] = pixels[first + Math.floor(i / 3)] as number;
    else
      for (let column = 0, at = first; column < length; column++, at += 3)
        into[column] = luma(pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number);
  };
}

/** Returns the part of the image that is shown, and where it lies within the model's input. */
function placement(width: number, height: number, input: Screening['input'], fit: Preprocess['fit']): { from: Part; to: Part } {
  const all = { left: 0, top: 0, width, height };
  const whole = { left: 0, top: 0, width: input.width, height: input.height };
  if (fit === 'stretch' || width * input.height === height * input.width) return { from: all, to: whole };
  // Cropped before resizing: a resized strip could take hundreds of megabytes.
  return fit === 'cover' ? { from: centred(all, input), to: whole } : { from: all, to: centred(whole, all) };
}

/** Returns the largest part of `within` of an aspect ratio, in whole pixels, around the centre. */
function centred(within: Part, ratio: { width: number; height: number }): Part {
  const scale = Math.min(within.width / ratio.width, within.height / ratio.height);
  const width = Math.min(within.width, Math.max(1, Math.round(ratio.width * scale)));
  const height = Math.min(within.height, Math.max(1, Math.round(ratio.height * scale)));
  return { width, height, left: Math.floor((within.width - width) / 2), top: Math.floor((within.height - height) / 2) };
}

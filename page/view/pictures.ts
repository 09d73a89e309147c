import type { Screening } from '../../shared/bundle/screening-schema.ts';

type Size = Screening['input'];
/** Colours of pixels, from the values of one: red, green and blue in [0, 255]. */
type Colour = (values: Float32Array) => readonly [number, number, number];

const plain: Colour = ([red = 0, green = red, blue = red]) => [255 * red, 255 * green, 255 * blue];

function paint(canvas: HTMLCanvasElement, image: Float32Array, { width, height, channels }: Size, colour: Colour): void {
  Object.assign(canvas, { width, height });
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) pixels.data.set([...colour(image.subarray(i * channels, (i + 1) * channels)), 255], 4 * i);
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
}

/** Paints a model's input, [H, W, C] in [0, 1]. */
export const paintImage = (canvas: HTMLCanvasElement, image: Float32Array, size: Size) => paint(canvas, image, size, plain);

/**
 * Paints the difference of two images, amplified. In grey images, what the first has more is orange and what it has less is blue; in colour
 * the absolute difference of each channel is shown.
 */
export function paintDifference(canvas: HTMLCanvasElement, image: Float32Array, other: Float32Array, size: Size, times = 1): void {
  const difference = image.map((value, i) => times * (value - (other[i] as number)));
  const signed: Colour = ([value = 0]) => (value > 0 ? [255 * value, 150 * value, 30 * value] : [-40 * value, -150 * value, -255 * value]);
  const absolute: Colour = (values) => plain(values.map(Math.abs));
  paint(canvas, difference, size, size.channels === 1 ? signed : absolute);
}

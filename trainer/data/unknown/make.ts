import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import type { Random } from '../../../shared/random.ts';
import type { LabelledImages } from '../dataset.ts';

export type Size = Screening['input'];

/** The images of classes that unknown images are made from. */
export interface Genuine {
  /** [count, H, W, C] flat, in [0, 1] */
  values: Float32Array;
  count: number;
  /** Returns the class of an image, or null where that is not to be known. */
  label(index: number): number | null;
  /** Unknown images that the user named; null without. */
  own: LabelledImages | null;
  /** Returns the classes whose images look like no class after this turn (`unlike.ts`). */
  unlike(turn: string): ReadonlySet<number>;
}

/** Makes an unknown image: [H, W, C] flat, in [0, 1]; null where these images allow none. */
export type Make = (genuine: Genuine, size: Size, random: Random) => Float32Array | null;

/** Returns a copy of one of the images. */
export function imageOf({ values }: Pick<Genuine, 'values'>, { height, width, channels }: Size, index: number): Float32Array {
  const size = height * width * channels;
  return values.slice(index * size, (index + 1) * size);
}

export const anyImage = (genuine: Genuine, size: Size, random: Random) => imageOf(genuine, size, random.integer(0, genuine.count - 1));

/** Returns two images that are not known to be of the same class; null where there are none. */
export function twoImages(genuine: Genuine, size: Size, random: Random): [Float32Array, Float32Array] | null {
  const first = random.integer(0, genuine.count - 1);
  const label = genuine.label(first);
  const isOther = (i: number) => i !== first && (label === null || genuine.label(i) !== label);
  const others = Array.from({ length: genuine.count }, (_, i) => i).filter(isOther);
  if (others.length === 0) return null;
  const second = others[random.integer(0, others.length - 1)] as number;
  return [imageOf(genuine, size, first), imageOf(genuine, size, second)];
}

/** Says whether an image differs from another by a good part of that one's content. */
export function isOther(image: Float32Array, from: Float32Array, part = 0.4): boolean {
  const mean = from.reduce((sum, value) => sum + value, 0) / from.length;
  const content = from.reduce((sum, value) => sum + Math.abs(value - mean), 0);
  return from.reduce((sum, value, i) => sum + Math.abs(value - (image[i] as number)), 0) > part * content;
}

/** Paints an image place by place, rows first, channels last. */
export function painted({ height, width, channels }: Size, level: (row: number, column: number, channel: number) => number): Float32Array {
  const image = new Float32Array(height * width * channels);
  let at = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < channels; channel++) image[at++] = level(row, column, channel);
  return image;
}

/** Returns a smooth random field of mean 0 and variance about 1, a few plane waves of up to `periods` across the image: [H * W]. */
export function field({ height, width }: Size, random: Random, periods: number): Float32Array {
  const waves = Array.from({ length: 5 }, () => {
    const angle = 2 * Math.PI * random.uniform();
    const pace = (2 * Math.PI * periods * random.uniform()) / Math.max(height, width);
    return [pace * Math.sin(angle), pace * Math.cos(angle), 2 * Math.PI * random.uniform()] as const;
  });
  const values = new Float32Array(height * width);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      values[row * width + column] =
        Math.sqrt(2 / waves.length) * waves.reduce((sum, [down, across, phase]) => sum + Math.sin(down * row + across * column + phase), 0);
  return values;
}

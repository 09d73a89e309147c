import type { Random } from '../../shared/random.ts';
import { mutateJpeg } from './mutate-jpeg.ts';
import { mutatePng } from './mutate-png.ts';
import { mutateWebp } from './mutate-webp.ts';

/** The media types of images that are mutated. */
export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp';

const MUTATE: Record<ImageType, (bytes: Buffer, random: Random) => Buffer> = {
  'image/png': mutatePng,
  'image/jpeg': mutateJpeg,
  'image/webp': mutateWebp,
};

/** Makes one change of an image file that knows its format. */
export const mutateImage = (type: ImageType, bytes: Buffer, random: Random): Buffer => MUTATE[type](bytes, random);

import sharp from 'sharp';
import { openImageReader } from '../../node/image-reader.ts';
import { FORMATS, kindOfFile } from '../../shared/images/formats.ts';
import { type DecodedImage, ImageError } from '../../shared/images/image.ts';
import { checkSize } from '../../shared/images/limits.ts';
import { opaqueOf } from '../../shared/images/opaque.ts';
import type { ReadOptions } from '../../shared/images/read-image.ts';
import { decodeBmp, readBmpHeader } from './bmp.ts';

/** Largest file of a format that only training reads; an uncompressed TIFF of the most pixels is about as large. */
const MOST_BYTES = 96 * 1024 * 1024;

type Decode = (bytes: Uint8Array, options: ReadOptions, check: (size: { width: number; height: number }) => void) => Promise<DecodedImage>;

/**
 * Decodes a file by libvips: the first frame or page, upright, converted to sRGB of 8 bits.
 *
 * @throws Error saying what is wrong
 */
const bySharp: Decode = async (bytes, { background }, check) => {
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: false });
  const { width, height, space, channels, hasAlpha } = await image.metadata();
  check({ width, height });
  const upright = image.autoOrient().toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' });
  const { data, info } = await upright.toBuffer({ resolveWithObject: true });
  const isGrey = space === 'b-w' || space === 'grey16' || channels - (hasAlpha ? 1 : 0) === 1;
  return opaqueOf({ width: info.width, height: info.height, data }, { grey: isGrey, transparent: hasAlpha }, background, 1);
};

/** Decodes a BMP, which libvips does not read. */
const bmp: Decode = async (bytes, _, check) => {
  const header = readBmpHeader(bytes);
  check(header);
  return decodeBmp(bytes, header);
};

/** The formats that training reads and the worker does not. */
const TRAINING_FORMATS: { name: string; decode: Decode }[] = [
  ...['GIF', 'TIFF', 'AVIF'].map((name) => ({ name, decode: bySharp })),
  { name: 'BMP', decode: bmp },
];

/** Says whether training reads a format, and the worker refuses it. */
export const isForTrainingOnly = (name: string): boolean => TRAINING_FORMATS.some((format) => format.name === name);

/** Says whether training reads a format. */
export const isReadInTraining = (name: string): boolean => FORMATS.some((format) => format.name === name) || isForTrainingOnly(name);

/**
 * Reads an image file of a folder for training, calibration or evaluation: PNG, JPEG and WebP as the worker does, to the bit; some other
 * formats, which the worker refuses, by libvips.
 *
 * @throws ImageError saying what is wrong with the file
 */
export async function readTrainingImage(bytes: Uint8Array, options: ReadOptions): Promise<DecodedImage> {
  const name = kindOfFile(bytes);
  const format = TRAINING_FORMATS.find((other) => other.name === name);
  if (!format) return (await openImageReader())(bytes, options);
  if (bytes.length > MOST_BYTES)
    throw new ImageError(`The file has ${bytes.length} bytes; at most ${MOST_BYTES} are allowed. Make it smaller.`, 'image-too-large');
  try {
    return await format.decode(bytes, options, (size) =>
      // As that of a JPEG: converted to one, the image is read by the worker.
      checkSize(size, { ...options.limits, maxPixels: options.limits.maxJpegPixels }),
    );
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const why = (error as Error).message.split('\n', 1)[0];
    throw new ImageError(`The ${name} can't be decoded: ${why}. Use the whole file, or save it as PNG.`);
  }
}

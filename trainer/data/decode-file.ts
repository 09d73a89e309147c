import sharp from 'sharp';
import { readImageHeader } from '../../shared/image-header.ts';
import type { RawImage } from '../../shared/preprocess.ts';
import { DataError } from './dataset.ts';

/**
 * PNG or JPEG bytes as RGBA pixels, not turned and without colour management: what the worker's decoders give for them.
 *
 * @throws DataError or ImageHeaderError saying why the image can't be used
 */
export async function decodeFile(bytes: Uint8Array, maxPixels: number): Promise<RawImage> {
  const { width, height, orientation } = readImageHeader(bytes);
  if (width * height > maxPixels) throw new DataError(`the image is ${width} x ${height}; at most ${maxPixels} pixels are allowed`);
  try {
    const image = sharp(bytes, { failOn: 'truncated', ignoreIcc: true, autoOrient: false, limitInputPixels: maxPixels });
    const { data, info } = await image.toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    if (info.channels !== 4) throw new Error(`${info.channels} channels after decoding`);
    return { width: info.width, height: info.height, rgba: data, orientation };
  } catch (error) {
    throw new DataError(`the image can't be decoded (${(error as Error).message.split('\n')[0]})`);
  }
}

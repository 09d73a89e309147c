import sharp from 'sharp';
import { readImageHeader } from '../../shared/image-header.ts';
import type { RawImage } from '../../shared/preprocess.ts';
import { DataError } from './dataset.ts';

/**
 * PNG or JPEG bytes as RGBA pixels, not turned and without colour management: what the worker's decoders give for them.
 *
 * @throws DataError or ImageHeaderError saying why the image can't be used
 */
export function decodeFile(bytes: Uint8Array, maxPixels: number): Promise<RawImage> {
  return decode(bytes, readImageHeader(bytes), maxPixels);
}

/** As `decodeFile`, and WebP too, which only the trainer reads: the worker has no decoder for it. */
export async function decodeTrainingFile(bytes: Uint8Array, maxPixels: number): Promise<RawImage> {
  const isWebP =
    Buffer.from(bytes.subarray(0, 12))
      .toString('latin1')
      .replace(/^(RIFF)....(WEBP)$/s, '$1$2') === 'RIFFWEBP';
  if (!isWebP) return decodeFile(bytes, maxPixels);
  const { width, height, orientation } = await sharp(bytes)
    .metadata()
    .catch((error: Error) => {
      throw new DataError(`the WebP's header can't be read (${error.message.split('\n')[0]})`);
    });
  return decode(bytes, { width, height, orientation: orientation ?? 1 }, maxPixels);
}

async function decode(
  bytes: Uint8Array,
  { width, height, orientation }: Pick<RawImage, 'width' | 'height' | 'orientation'>,
  maxPixels: number,
): Promise<RawImage> {
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

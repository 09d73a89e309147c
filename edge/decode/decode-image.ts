import { ImageHeaderError, readImageHeader } from '../../shared/image-header.ts';
import type { RawImage } from '../../shared/preprocess.ts';
import { ProblemError } from '../problem.ts';
import { decodeJpeg } from './decode-jpeg.ts';
import { type Decoded, decodePng } from './decode-png.ts';
import { jpegProblem } from './whole-jpeg.ts';
import { pngProblem } from './whole-png.ts';

/**
 * PNG or JPEG bytes as RGBA pixels, not turned. The size is read from the header and refused before anything is decoded.
 *
 * @throws ProblemError `bad-image` or `image-too-large`
 */
export async function decodeImage(bytes: Uint8Array, maxPixels: number): Promise<RawImage> {
  const header = headerOf(bytes);
  if (header.width * header.height > maxPixels) {
    throw new ProblemError(
      'image-too-large',
      `The image is ${header.width} x ${header.height}; at most ${maxPixels} pixels are allowed. Send it smaller.`,
    );
  }
  const damage = header.type === 'png' ? await pngProblem(bytes, header) : jpegProblem(bytes);
  if (damage) throw damaged(header.type, damage);
  let image: Decoded;
  try {
    image = header.type === 'png' ? decodePng(bytes) : await decodeJpeg(bytes.slice());
  } catch (error) {
    throw damaged(header.type, error instanceof Error ? error.message : String(error));
  }
  if (image.width !== header.width || image.height !== header.height) {
    throw new ProblemError(
      'bad-image',
      `The ${header.type.toUpperCase()} says ${header.width} x ${header.height} but holds ${image.width} x ${image.height}. Send another file.`,
    );
  }
  return { width: image.width, height: image.height, rgba: image.data, orientation: header.orientation };
}

const damaged = (type: string, why: string) =>
  new ProblemError('bad-image', `The ${type.toUpperCase()} is cut off or damaged (${why}). Send the whole file.`);

function headerOf(bytes: Uint8Array) {
  try {
    return readImageHeader(bytes);
  } catch (error) {
    if (!(error instanceof ImageHeaderError)) throw error;
    throw new ProblemError('bad-image', `${error.message}. A whole PNG or JPEG file is needed.`);
  }
}

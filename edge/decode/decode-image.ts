import jpegModule from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import pngModule from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import decodePng, { init as initPng } from '@jsquash/png/decode.js';
import { ImageHeaderError, readImageHeader } from '../../shared/image-header.ts';
import type { RawImage } from '../../shared/preprocess.ts';
import { ProblemError } from '../problem.ts';
import { jpegProblem } from './whole-jpeg.ts';
import { pngProblem } from './whole-png.ts';

/** workerd has no ImageData, which both decoders make. */
class PlainImageData {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}
(globalThis as { ImageData?: unknown }).ImageData ??= PlainImageData;

let ready: Promise<unknown> | undefined;

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
  ready ??= Promise.all([initPng(pngModule), initJpeg(jpegModule)]);
  await ready;
  const buffer = bytes.slice().buffer;
  const image = await (header.type === 'png' ? decodePng(buffer) : decodeJpeg(buffer)).catch((error: unknown) => {
    // The decoders throw strings and numbers too.
    throw damaged(header.type, error instanceof Error ? error.message : String(error));
  });
  if (image.width !== header.width || image.height !== header.height) {
    throw new ProblemError(
      'bad-image',
      `The ${header.type.toUpperCase()} says ${header.width} x ${header.height} but holds ${image.width} x ${image.height}. Send another file.`,
    );
  }
  return { width: image.width, height: image.height, rgba: image.data as Uint8ClampedArray, orientation: header.orientation };
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

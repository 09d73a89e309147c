import { decoders } from '#decoders';
import { type DecodedImage, ImageError } from '../../shared/images/image.ts';
import type { ImageLimits } from '../../shared/images/limits.ts';
import type { Background } from '../../shared/images/opaque.ts';
import { imageReader } from '../../shared/images/read-image.ts';
import type { Config } from '../config.ts';
import { ProblemError } from '../problem.ts';

const read = imageReader(decoders);

export type DecodeConfig = Pick<
  Config,
  'MAX_BODY_BYTES' | 'MAX_PIXELS' | 'MAX_JPEG_PIXELS' | 'MAX_SIDE' | 'MAX_ASPECT' | 'MAX_SCANS' | 'MAX_REQUEST_PIXELS'
>;

/** Makes a decoder for the images of one request, which may have MAX_REQUEST_PIXELS pixels together. */
export function requestDecoder(config: DecodeConfig, background: Background): (bytes: Uint8Array) => DecodedImage {
  const limits: ImageLimits = {
    maxBytes: config.MAX_BODY_BYTES,
    maxPixels: config.MAX_PIXELS,
    maxJpegPixels: config.MAX_JPEG_PIXELS,
    maxSide: config.MAX_SIDE,
    maxAspect: config.MAX_ASPECT,
    maxScans: config.MAX_SCANS,
  };
  let pixelsLeft = config.MAX_REQUEST_PIXELS;
  const onPixels = (pixels: number) => {
    if (pixels > pixelsLeft)
      throw new ImageError(
        `This image brings the request over the limit of ${config.MAX_REQUEST_PIXELS} pixels. ` +
          'Send fewer images in a request, or smaller ones.',
        'image-too-large',
      );
    pixelsLeft -= pixels;
  };
  return (bytes) => {
    try {
      return read(bytes, { limits, background, onPixels });
    } catch (error) {
      throw error instanceof ImageError ? new ProblemError(error.fault, error.message) : error;
    }
  };
}

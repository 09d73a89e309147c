import type { ImageFormat } from '../format.ts';
import { countedPixels, eighthsOf } from '../reduced-size.ts';
import { readJpegFile } from './container.ts';
import { jpegDecoder } from './decode.ts';

/** JPEG, decoded by libjpeg-turbo. */
export const jpeg: ImageFormat = {
  name: 'JPEG',
  mediaTypes: ['image/jpeg', 'image/jpg', 'image/pjpeg'],
  extensions: ['.jpg', '.jpeg', '.jpe', '.jfif'],
  description: 'a JPEG file, grey or colour, also progressive; its EXIF orientation counts',
  wasm: './jpeg/libjpeg-turbo.wasm',
  hasSignature: (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8,
  createReader(module) {
    const decode = jpegDecoder(module);
    return (bytes, limits) => {
      const file = readJpegFile(bytes, limits);
      const [end, plan] = [file.end + 2, { scans: file.scans, eighths: eighthsOf(file) }];
      return {
        claims: file.claims,
        countedPixels: countedPixels(file),
        decode: (_, orientation) => decode(bytes.subarray(0, end), plan, orientation),
      };
    };
  },
};

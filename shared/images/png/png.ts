import type { ImageFormat } from '../format.ts';
import { ImageError } from '../image.ts';
import { opaqueOf } from '../opaque.ts';
import { PNG_SIGNATURE, readPngFile } from './container.ts';
import { pngDecoder } from './decode.ts';
import { checkRows, countedPixels } from './rows.ts';

/** PNG, decoded by jSquash. */
export const png: ImageFormat = {
  name: 'PNG',
  mediaTypes: ['image/png', 'image/x-png'],
  extensions: ['.png'],
  description: 'a PNG file of any bit depth and colour type',
  wasm: '@jsquash/png/codec/pkg/squoosh_png_bg.wasm',
  hasSignature: (bytes) => PNG_SIGNATURE.every((byte, i) => bytes[i] === byte),
  createReader(module) {
    const decode = pngDecoder(module);
    return (bytes, limits) => {
      const file = readPngFile(bytes, limits);
      const pixels = countedPixels(file);
      if (pixels > limits.maxPixels)
        throw new ImageError(
          `The PNG has 16 bits a channel, so it counts as ${pixels} pixels; at most ${limits.maxPixels} are allowed. ` +
            'Save it with 8 bits, or smaller.',
          'image-too-large',
        );
      return {
        claims: file.claims,
        countedPixels: pixels,
        decode(background, orientation) {
          checkRows(file);
          const is = { grey: file.colourType === 0 || file.colourType === 4, transparent: file.transparent };
          return decode(file.needed, pixels, (decoded) => {
            if (decoded.width !== file.width || decoded.height !== file.height)
              throw new Error('the decoded image has another size than the header says');
            return opaqueOf(decoded, is, background, orientation);
          });
        },
      };
    };
  },
};

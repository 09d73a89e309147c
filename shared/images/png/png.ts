import type { ImageFormat } from '../format.ts';
import { type DecodedImage, ImageError } from '../image.ts';
import { uprightLayout } from '../orientation.ts';
import { PNG_SIGNATURE, type PngFile, readPngFile } from './container.ts';
import { type Decoded, pngDecoder } from './decode.ts';
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
          return decode(file.needed, pixels, (decoded) => opaqueOf(decoded, file, background, orientation));
        },
      };
    };
  },
};

/**
 * Makes an upright image of the decoded pixels. Composites them over the background, each rounded to a whole level, so that transparency
 * hides nothing.
 *
 * @param background level of 0 to 255
 * @throws Error if the decoded size is not the one in the file's header
 */
function opaqueOf(decoded: Decoded, file: PngFile, background: number, orientation: number): DecodedImage {
  const { data } = decoded;
  if (decoded.width !== file.width || decoded.height !== file.height || data.length !== 4 * file.width * file.height)
    throw new Error('the decoded image has another size than the header says');
  const channels = file.colourType === 0 || file.colourType === 4 ? 1 : 3;
  const { width, height, ...layout } = uprightLayout(file.width, file.height, orientation);
  const pixels = new Uint8Array(width * height * channels);
  const step = channels * layout.column;
  for (let row = 0, from = 0; row < file.height; row++) {
    let to = channels * (layout.first + row * layout.row);
    if (file.transparent)
      for (const end = from + 4 * file.width; from < end; from += 4, to += step) {
        const alpha = data[from + 3] as number;
        const behind = background * (255 - alpha);
        for (let i = 0; i < channels; i++) pixels[to + i] = rounded((data[from + i] as number) * alpha + behind);
      }
    else if (channels === 1) for (const end = from + 4 * file.width; from < end; from += 4, to += step) pixels[to] = data[from] as number;
    else
      for (const end = from + 4 * file.width; from < end; from += 4, to += step) {
        pixels[to] = data[from] as number;
        pixels[to + 1] = data[from + 1] as number;
        pixels[to + 2] = data[from + 2] as number;
      }
  }
  return { width, height, channels, pixels };
}

/** Returns `Math.floor(sum / 255 + 0.5)` for a whole number up to 255 * 255 without a division; halves can't occur, because 255 is odd. */
export function rounded(sum: number): number {
  const more = sum + 127;
  return (more + 1 + (more >> 8)) >> 8;
}

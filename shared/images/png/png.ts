import type { ImageFormat } from '../format.ts';
import { type DecodedImage, ImageError } from '../image.ts';
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
        decode(background) {
          checkRows(file);
          return decode(file.needed, pixels, (decoded) => opaqueOf(decoded, file, background));
        },
      };
    };
  },
};

/**
 * Composites the pixels over the background, each rounded to a whole level, so that transparency hides nothing.
 *
 * @param background level of 0 to 255
 * @throws Error if the decoded size is not the one in the file's header
 */
function opaqueOf({ width, height, data }: Decoded, file: PngFile, background: number): DecodedImage {
  if (width !== file.width || height !== file.height || data.length !== 4 * width * height)
    throw new Error('the decoded image has another size than the header says');
  const channels = file.colourType === 0 || file.colourType === 4 ? 1 : 3;
  const pixels = new Uint8Array(width * height * channels);
  if (file.transparent) composite(data, channels, background, pixels);
  else if (channels === 1) for (let from = 0, to = 0; from < data.length; from += 4) pixels[to++] = data[from] as number;
  else
    for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
      pixels[to] = data[from] as number;
      pixels[to + 1] = data[from + 1] as number;
      pixels[to + 2] = data[from + 2] as number;
    }
  return { width, height, channels, pixels };
}

function composite(data: Uint8Array, channels: 1 | 3, background: number, pixels: Uint8Array): void {
  let to = 0;
  for (let from = 0; from < data.length; from += 4) {
    const alpha = data[from + 3] as number;
    const behind = background * (255 - alpha);
    for (let i = 0; i < channels; i++) pixels[to++] = rounded((data[from + i] as number) * alpha + behind);
  }
}

/** Returns `Math.floor(sum / 255 + 0.5)` for a whole number up to 255 * 255 without a division; halves can't occur, because 255 is odd. */
export function rounded(sum: number): number {
  const more = sum + 127;
  return (more + 1 + (more >> 8)) >> 8;
}

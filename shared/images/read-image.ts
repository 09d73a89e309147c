import { jpegDecoder } from './decode-jpeg.ts';
import { type Decoded, pngDecoder } from './decode-png.ts';
import { ImageError } from './image-error.ts';
import { inflate } from './inflate.ts';
import { readJpegFile } from './jpeg-file.ts';
import { countedJpegPixels, eighthsOf } from './jpeg-scale.ts';
import { kindOfFile } from './kind-of-file.ts';
import { type ImageLimits, maxInflatedBytes } from './limits.ts';
import { decideOrientation } from './orientation.ts';
import { type PngFile, readPngFile } from './png-file.ts';
import { hasKnownFilters, inflatedSize } from './png-size.ts';
import { turnUpright, type UprightImage } from './upright.ts';

/** How a file is read. */
export interface ReadOptions {
  limits: ImageLimits;
  /** The level, 0 to 255, that shows where an image is transparent. */
  background: number;
  /** Called with what the image counts as, in pixels, before they are decoded; may throw. */
  onPixels?: (pixels: number) => void;
}

/** @throws ImageError saying what is wrong with the file */
export type ReadImage = (bytes: Uint8Array, options: ReadOptions) => Promise<UprightImage>;

/**
 * Makes the one reader of image files, PNG and JPEG: worker, command line, training and calibration read by it, so that the same file is
 * taken or refused everywhere, with the same words, and gives the same pixels to the bit.
 *
 * @param modules jSquash's PNG decoder and our build of libjpeg-turbo, compiled by who can: workerd compiles no bytes
 */
export function imageReader(modules: { png: WebAssembly.Module; jpeg: WebAssembly.Module }): ReadImage {
  const decodePng = pngDecoder(modules.png);
  const decodeJpeg = jpegDecoder(modules.jpeg);
  return async (bytes, { limits, background, onPixels }) => {
    if (bytes.length > limits.maxBytes)
      throw new ImageError(
        `The file has ${bytes.length} bytes; at most ${limits.maxBytes} are allowed. Make it smaller.`,
        'image-too-large',
      );
    const kind = kindOfFile(bytes);
    if (kind !== 'PNG' && kind !== 'JPEG')
      throw new ImageError(
        `The file is ${kind ? `of the kind ${kind}; only PNG and JPEG are read` : 'neither a PNG nor a JPEG'}. Save it as one of these.`,
      );
    const file = kind === 'PNG' ? await readPngFile(bytes, limits) : readJpegFile(bytes, limits);
    const orientation = decideOrientation(kind, file.claims);
    if (file.type === 'PNG') await checkInflated(file, limits);
    onPixels?.(file.type === 'PNG' ? file.width * file.height : countedJpegPixels(file));
    let image: UprightImage;
    try {
      image =
        file.type === 'PNG'
          ? decodePng(file.needed, file.width * file.height, (decoded) => opaqueOf(decoded, file, background))
          : decodeJpeg(bytes.subarray(0, file.end + 2), { ...file, eighths: eighthsOf(file) });
    } catch {
      throw new ImageError(`The ${kind} is damaged: its pixels can't be decoded without guessing. Use the whole file, or save it anew.`);
    }
    return turnUpright(image, orientation);
  };
}

/**
 * Inflates a PNG's pixels once before they are decoded: the decoder stops where it has all of them and looks at no checksum behind
 * (Adler-32, RFC 1950), so that damaged pixels would be screened as if they were whole. What is right then does not make it fail.
 */
async function checkInflated(file: PngFile, limits: ImageLimits): Promise<void> {
  const size = inflatedSize(file);
  if (size > maxInflatedBytes(limits))
    throw new ImageError(
      `The PNG's pixels take ${size} bytes; at most ${maxInflatedBytes(limits)} are allowed. Save it with 8 bits, or smaller.`,
      'image-too-large',
    );
  const found = await inflate(file.compressed, size, size);
  if (found.state === 'whole' && found.size === size && hasKnownFilters(found.bytes, file)) return;
  const why =
    found.state === 'whole' && found.size === size
      ? 'a row of its pixels has a filter that PNG does not have'
      : found.state === 'damaged'
        ? 'its compressed pixels do not end as they should, or their checksum is wrong'
        : `its compressed pixels are ${found.state === 'too-long' ? 'more' : 'fewer'} than its width and height say`;
  throw new ImageError(`The PNG is cut off or damaged: ${why}. Use the whole file, or save it anew.`);
}

/** The pixels over the background, each rounded to a whole level: nothing is hidden in what is transparent. */
function opaqueOf({ width, height, data }: Decoded, file: PngFile, background: number): UprightImage {
  const channels = file.colourType === 0 || file.colourType === 4 ? 1 : 3;
  if (width !== file.width || height !== file.height || data.length !== 4 * width * height)
    throw new Error('it has another size than it says');
  const pixels = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const alpha = data[from + 3] as number;
    for (let channel = 0; channel < channels; channel++) {
      const level = data[from + channel] as number;
      pixels[to++] = alpha === 255 ? level : Math.floor((level * alpha + background * (255 - alpha)) / 255 + 0.5);
    }
  }
  return { width, height, channels, pixels };
}

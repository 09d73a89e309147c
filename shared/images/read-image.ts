import { jpegDecoder } from './decode-jpeg.ts';
import { type Decoded, pngDecoder } from './decode-png.ts';
import { ImageError } from './image-error.ts';
import { inflate } from './inflate.ts';
import { type JpegFile, readJpegFile } from './jpeg-file.ts';
import { kindOfFile } from './kind-of-file.ts';
import { type ImageLimits, maxInflatedBytes } from './limits.ts';
import { decideOrientation } from './orientation.ts';
import { PNG_SIGNATURE, type PngFile, readPngFile } from './png-file.ts';
import { turnUpright, type UprightImage } from './upright.ts';

/** How a file is read. */
export interface ReadOptions {
  limits: ImageLimits;
  /** The level, 0 to 255, that shows where an image is transparent. */
  background: number;
  /** Called with the number of pixels before they are decoded; may throw. */
  onPixels?: (pixels: number) => void;
}

/** @throws ImageError saying what is wrong with the file */
export type ReadImage = (bytes: Uint8Array, options: ReadOptions) => Promise<UprightImage>;

/**
 * Makes the one reader of image files, PNG and JPEG: worker, command line, training and calibration read by it, so that the same file is
 * taken or refused everywhere, with the same words, and gives the same pixels to the bit.
 *
 * @param modules jSquash's decoders, compiled by who can: workerd compiles no bytes
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
    onPixels?.(file.width * file.height);
    const channels = isGrey(file) ? 1 : 3;
    const opaque = (decoded: Decoded) => opaqueOf(decoded, file, channels, background);
    let image: UprightImage;
    try {
      image = file.type === 'PNG' ? decodePng(joined(file.needed), opaque) : opaque(await decodeJpeg(bytes, file.end));
    } catch {
      throw new ImageError(`The ${kind} is damaged: its pixels can't be decoded without guessing. Use the whole file, or save it anew.`);
    }
    return turnUpright(image, orientation);
  };
}

const isGrey = (file: PngFile | JpegFile) => (file.type === 'PNG' ? [0, 4].includes(file.colourType) : file.components === 1);

/**
 * Inflates a PNG's pixels once before they are decoded: the decoder stops where it has all of them and looks at no checksum behind
 * (Adler-32, RFC 1950), so that damaged pixels would be screened as if they were whole.
 */
async function checkInflated(file: PngFile, limits: ImageLimits): Promise<void> {
  const size = inflatedSize(file);
  if (size > maxInflatedBytes(limits))
    throw new ImageError(
      `The PNG's pixels take ${size} bytes; at most ${maxInflatedBytes(limits)} are allowed. Save it with 8 bits, or smaller.`,
      'image-too-large',
    );
  const found = await inflate(file.compressed, size, 0);
  if (found.state === 'whole' && found.size === size) return;
  const why =
    found.state === 'damaged'
      ? 'its compressed pixels do not end as they should, or their checksum is wrong'
      : `its compressed pixels are ${found.state === 'too-long' ? 'more' : 'fewer'} than its width and height say`;
  throw new ImageError(`The PNG is cut off or damaged: ${why}. Use the whole file, or save it anew.`);
}

const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** First column and row of each pass of Adam7, and their steps (PNG, 8.1). */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of all rows, each with its filter type, of all passes (PNG, 7.2). */
function inflatedSize({ width, height, colourType, bitDepth, interlaced }: PngFile): number {
  const bits = bitDepth * (SAMPLES[colourType] as number);
  const size = (w: number, h: number) => (w < 1 || h < 1 ? 0 : h * (1 + Math.ceil((w * bits) / 8)));
  if (!interlaced) return size(width, height);
  return ADAM7.reduce((sum, [x, y, right, down]) => sum + size(Math.ceil((width - x) / right), Math.ceil((height - y) / down)), 0);
}

/** The pixels over the background, each rounded to a whole level: nothing is hidden in what is transparent. */
function opaqueOf({ width, height, data }: Decoded, file: PngFile | JpegFile, channels: 1 | 3, background: number): UprightImage {
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

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(PNG_SIGNATURE.length + parts.reduce((sum, part) => sum + part.length, 0));
  bytes.set(PNG_SIGNATURE);
  let at = PNG_SIGNATURE.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

import sharp from 'sharp';
import { openImageReader } from '../../node/image-reader.ts';
import { FORMATS, kindOfFile } from '../../shared/images/formats.ts';
import { type DecodedImage, ImageError } from '../../shared/images/image.ts';
import { checkSize } from '../../shared/images/limits.ts';
import { opaqueOf } from '../../shared/images/opaque.ts';
import type { ReadOptions } from '../../shared/images/read-image.ts';

/** Largest file of a format that only training reads; an uncompressed TIFF of the most pixels is about as large. */
const MOST_BYTES = 96 * 1024 * 1024;

type Decode = (bytes: Uint8Array, options: ReadOptions, check: (size: { width: number; height: number }) => void) => Promise<DecodedImage>;

/**
 * Decodes a file by libvips: the first frame or page, upright, converted to sRGB of 8 bits.
 *
 * @throws Error saying what is wrong
 */
const bySharp: Decode = async (bytes, { background }, check) => {
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: false });
  const { width, height, space, channels, hasAlpha } = await image.metadata();
  check({ width, height });
  const upright = image.autoOrient().toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' });
  const { data, info } = await upright.toBuffer({ resolveWithObject: true });
  const isGrey = space === 'b-w' || space === 'grey16' || channels - (hasAlpha ? 1 : 0) === 1;
  return opaqueOf({ width: info.width, height: info.height, data }, { grey: isGrey, transparent: hasAlpha }, background, 1);
};

/** Decodes a BMP, which libvips does not read. */
const bmp: Decode = async (bytes, _, check) => {
  const header = readBmpHeader(bytes);
  check(header);
  return decodeBmp(bytes, header);
};

/** The formats that training reads and the worker does not. */
const TRAINING_FORMATS: { name: string; decode: Decode }[] = [
  ...['GIF', 'TIFF', 'AVIF'].map((name) => ({ name, decode: bySharp })),
  { name: 'BMP', decode: bmp },
];

/** Says whether training reads a format, and the worker refuses it. */
export const isForTrainingOnly = (name: string): boolean => TRAINING_FORMATS.some((format) => format.name === name);

/** Says whether training reads a format. */
export const isReadInTraining = (name: string): boolean => FORMATS.some((format) => format.name === name) || isForTrainingOnly(name);

/**
 * Reads an image file of a folder for training, calibration or evaluation: PNG, JPEG and WebP as the worker does, to the bit; some other
 * formats, which the worker refuses, by libvips.
 *
 * @throws ImageError saying what is wrong with the file
 */
export async function readTrainingImage(bytes: Uint8Array, options: ReadOptions): Promise<DecodedImage> {
  const name = kindOfFile(bytes);
  const format = TRAINING_FORMATS.find((other) => other.name === name);
  if (!format) return (await openImageReader())(bytes, options);
  if (bytes.length > MOST_BYTES)
    throw new ImageError(`The file has ${bytes.length} bytes; at most ${MOST_BYTES} are allowed. Make it smaller.`, 'image-too-large');
  try {
    return await format.decode(bytes, options, (size) =>
      // As that of a JPEG: converted to one, the image is read by the worker.
      checkSize(size, { ...options.limits, maxPixels: options.limits.maxJpegPixels }),
    );
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const why = (error as Error).message.split('\n', 1)[0];
    throw new ImageError(`The ${name} can't be decoded: ${why}. Use the whole file, or save it as PNG.`);
  }
}

/** Bytes of the file header, and of the shortest header behind it that is read (BITMAPINFOHEADER). */
const [FILE_HEADER, LEAST_HEADER] = [14, 40];
const [UNCOMPRESSED, BIT_FIELDS] = [0, 3];
/** The masks of red, green and blue in pixels of 32 bits. */
const MASKS = [0xff0000, 0xff00, 0xff];

/** The size of a BMP, and what is needed to find its pixels. */
export interface BmpHeader {
  width: number;
  height: number;
  bits: number;
  /** Begins with the lowest row, as usual. */
  isBottomUp: boolean;
  /** Where the pixels begin. */
  offset: number;
  /** Colours of a palette, 4 bytes each: blue, green, red and one that is not used. */
  palette: Uint8Array;
}

/** Reads the header of an uncompressed BMP of 1, 4, 8, 24 or 32 bits a pixel. @throws RangeError saying what is wrong */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  if (bytes.length < FILE_HEADER + LEAST_HEADER) throw new RangeError('it is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(FILE_HEADER, true);
  const [width, signedHeight] = [view.getInt32(18, true), view.getInt32(22, true)];
  const [bits, compression] = [view.getUint16(28, true), view.getUint32(30, true)];
  if (headerBytes < LEAST_HEADER || headerBytes > 124) throw new RangeError(`its header has ${headerBytes} bytes`);
  if (![1, 4, 8, 24, 32].includes(bits)) throw new RangeError(`it has ${bits} bits a pixel`);
  const isMasked = compression === BIT_FIELDS && bits === 32 && bytes.length >= 66;
  if (compression !== UNCOMPRESSED && !(isMasked && MASKS.every((mask, i) => view.getUint32(54 + 4 * i, true) === mask)))
    throw new RangeError('its pixels are compressed, or have unusual masks');
  if (width < 1 || signedHeight === 0) throw new RangeError('it has no pixels');
  const [height, offset] = [Math.abs(signedHeight), view.getUint32(10, true)];
  const colours = bits > 8 ? 0 : view.getUint32(46, true) || 2 ** bits;
  const first = FILE_HEADER + headerBytes;
  if (colours > 2 ** bits || first + 4 * colours > bytes.length || offset + height * rowBytes(width, bits) > bytes.length)
    throw new RangeError('it is cut off, or its palette is too long');
  return { width, height, bits, isBottomUp: signedHeight > 0, offset, palette: bytes.subarray(first, first + 4 * colours) };
}

/** Decodes the pixels of a BMP; those of 32 bits without their fourth byte. @throws RangeError if a colour is not in the palette */
export function decodeBmp(bytes: Uint8Array, { width, height, bits, isBottomUp, offset, palette }: BmpHeader): DecodedImage {
  const pixels = new Uint8Array(3 * width * height);
  for (let row = 0, to = 0; row < height; row++) {
    const first = offset + (isBottomUp ? height - 1 - row : row) * rowBytes(width, bits);
    for (let column = 0; column < width; column++, to += 3) {
      const bit = column * bits;
      const at = first + (bit >> 3);
      const index = bits > 8 ? 0 : ((bytes[at] as number) >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
      const [colours, blue] = bits > 8 ? [bytes, at] : [palette, 4 * index];
      if (blue + 2 >= colours.length) throw new RangeError('a pixel has a colour that is not in the palette');
      for (let i = 0; i < 3; i++) pixels[to + i] = colours[blue + 2 - i] as number;
    }
  }
  return { width, height, channels: 3, pixels };
}

/** Returns the bytes of a row, which is filled up to a multiple of four. */
const rowBytes = (width: number, bits: number) => 4 * Math.ceil((width * bits) / 32);

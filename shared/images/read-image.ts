import type { ImageFormat } from './format.ts';
import { formatOf, notRead } from './formats.ts';
import { type DecodedImage, ImageError } from './image.ts';
import { bytesProblem, type ImageLimits } from './limits.ts';
import type { Background } from './opaque.ts';
import { decideOrientation } from './orientation.ts';

/** The settings of reading a file. */
export interface ReadOptions {
  limits: ImageLimits;
  /** Levels behind transparent pixels. */
  background: Background;
  /** Called before anything is decoded, with what the pixels count as; may throw. */
  onPixels?: (pixels: number) => void;
}

/** Reads an image file into an upright image. @throws ImageError saying what is wrong with it */
export type ImageReader = (bytes: Uint8Array, options: ReadOptions) => DecodedImage;

/**
 * Makes the one reader of image files. Worker, command line, training and calibration use it, so that the same file is taken or refused
 * everywhere, with the same words, and gives the same pixels to the bit.
 *
 * @param modules each format's `wasm` by the format's name, compiled by the caller: workerd can't compile bytes. One is needed only when a
 *   file of its format is read
 */
export function imageReader(modules: Readonly<Record<string, WebAssembly.Module>>): ImageReader {
  const readers = new Map<ImageFormat, ReturnType<ImageFormat['createReader']>>();
  const readerOf = (format: ImageFormat) => {
    const reader = readers.get(format) ?? format.createReader(modules[format.name] as WebAssembly.Module);
    readers.set(format, reader);
    return reader;
  };
  return (bytes, { limits, background, onPixels }) => {
    const problem = bytesProblem(bytes.length, limits);
    if (problem) throw problem;
    const format = formatOf(bytes);
    if (!format) throw new ImageError(notRead(bytes));
    const file = readerOf(format)(bytes, limits);
    const orientation = decideOrientation(format.name, file.claims);
    onPixels?.(file.countedPixels);
    try {
      return file.decode(background, orientation);
    } catch (error) {
      if (error instanceof ImageError) throw error;
      throw new ImageError(
        `The ${format.name} is damaged: its pixels can't be decoded without guessing. Use the whole file, or save it again.`,
      );
    }
  };
}

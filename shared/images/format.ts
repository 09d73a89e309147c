import type { DecodedImage } from './image.ts';
import type { ImageLimits } from './limits.ts';
import type { Background } from './opaque.ts';
import type { OrientationClaim } from './orientation.ts';

/** A file whose container was checked and whose header was read; nothing is decoded yet. */
export interface ImageFile {
  /** Everything that the file says about its orientation. */
  claims: readonly OrientationClaim[];
  /** The pixels that it counts as towards the limit of a request. */
  countedPixels: number;
  /**
   * Decodes the pixels into an upright image.
   *
   * @param background what shows where they are transparent
   * @param orientation EXIF orientation, 1 to 8
   * @throws ImageError with a reason, or another error if the decoder fails
   */
  decode(background: Background, orientation: number): DecodedImage;
}

/** A file format. To add one, add a folder with such an object and a line to the list in formats.ts. */
export interface ImageFormat {
  /** Its name in messages. */
  name: string;
  /** Its media type, then old or unofficial names of it that clients send. */
  mediaTypes: readonly [string, ...string[]];
  /** The usual endings of its file names, in lower case with the dot. */
  extensions: readonly string[];
  /** Describes the files that are read, for the API's description. */
  description: string;
  /** The decoder's WebAssembly module, if it has one: a file of a package, or a path relative to this folder. */
  wasm?: string;
  /** Says whether bytes begin with the format's signature. */
  hasSignature(bytes: Uint8Array): boolean;
  /**
   * Makes a reader of files that have the signature.
   *
   * @param module the compiled `wasm`; undefined if there is none
   * @returns a function that checks a file's container and limits; throws ImageError
   */
  createReader(module: WebAssembly.Module): (bytes: Uint8Array, limits: ImageLimits) => ImageFile;
}

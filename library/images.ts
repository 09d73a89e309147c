import type { Screening } from '../shared/bundle/screening-schema.ts';
import { formatOf } from '../shared/images/formats.ts';
import { type DecodedImage, ImageError } from '../shared/images/image.ts';
import { bytesProblem, checkSize, type ImageLimits } from '../shared/images/limits.ts';
import { opaqueOf } from '../shared/images/opaque.ts';
import { imageReader } from '../shared/images/read-image.ts';
import { type ImageSource, valuesProblem } from '../shared/screening/input.ts';
import { limitsOf } from './check-arguments.ts';
import { kindOf } from './kind-of.ts';
import type { LoadModule } from './runtimes/kernels.ts';

/** Pixels as a canvas has them (`ImageData`): levels of 0 to 255, row by row; grey, RGB or RGBA by their number. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray | Uint8Array;
}

/**
 * An image: the bytes of a PNG, JPEG or WebP file; pixels; or the model's own input, H x W x C values in [0, 1], rows first, channels last.
 */
export type ImageInput = Blob | Uint8Array | ArrayBuffer | Pixels | Float32Array;

/** Why an image can't be read: damaged or no image, too large, or values that are not the model's input. */
export type ImageProblem = 'bad-image' | 'image-too-large' | 'wrong-size' | 'not-finite';

/** An image that can't be read. The message says what is wrong, what is allowed and what to do. */
export class UnreadableImage extends Error {
  override name = 'UnreadableImage';
  readonly problem: ImageProblem;
  constructor(problem: ImageProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** Prepares an image: what must be waited for happens now, and reading it when its turn comes. @throws TypeError for no image at all */
export type PrepareImage = (image: ImageInput) => Promise<ImageSource<UnreadableImage>>;

/**
 * Reads images as the worker does: one reader, one preprocessing, the same limits.
 *
 * @param load gives the decoder of a format when a file of it comes
 * @throws UsageError if the limits are none
 */
export function imagePreparer({ input, preprocess }: Screening, load: LoadModule, some?: Partial<ImageLimits>): PrepareImage {
  const limits = limitsOf(some);
  const { background } = preprocess;
  const modules: Record<string, WebAssembly.Module> = {};
  const read = imageReader(modules);
  const files = (bytes: Uint8Array) => async (): Promise<ImageSource<UnreadableImage>> => {
    const format = formatOf(bytes);
    if (format?.wasm) modules[format.name] ??= await load(format.name);
    return readable(() => ({ picture: read(bytes, { limits, background }) }));
  };
  return async (image) => {
    if (image instanceof Float32Array) return valuesSource(image, input);
    if (image instanceof Blob) {
      // What is too large is not even read into memory.
      const problem = bytesProblem(image.size, limits);
      if (problem) return () => new UnreadableImage(problem.fault, problem.message);
      return files(new Uint8Array(await image.arrayBuffer()))();
    }
    if (image instanceof ArrayBuffer) return files(new Uint8Array(image))();
    if (image instanceof Uint8Array) return files(image)();
    if (isPixels(image)) return readable(() => ({ picture: pictureOf(image, limits, background) }));
    throw new TypeError(
      `An image is a Blob, a Uint8Array or an ArrayBuffer with a file, { width, height, data } with pixels, or a Float32Array with the ` +
        `model's input; this is ${kindOf(image)}.`,
    );
  };
}

/** Turns the refusals of a reader into problems of their image; other errors are faults. */
function readable(read: () => { picture: DecodedImage }): ImageSource<UnreadableImage> {
  return () => {
    try {
      return read();
    } catch (error) {
      if (error instanceof ImageError) return new UnreadableImage(error.fault, error.message);
      throw error;
    }
  };
}

function valuesSource(values: Float32Array, input: Screening['input']): ImageSource<UnreadableImage> {
  const problem = valuesProblem(values, input);
  return () => (problem ? new UnreadableImage(problem.what, problem.detail) : { values });
}

const isPixels = (image: unknown): image is Pixels =>
  typeof image === 'object' && image !== null && 'data' in image && 'width' in image && 'height' in image;

/** Makes a picture of pixels. @throws ImageError if they are too many, or their number is not that of an image */
function pictureOf({ width, height, data }: Pixels, limits: ImageLimits, background: Screening['preprocess']['background']): DecodedImage {
  if (!Number.isInteger(width) || !Number.isInteger(height) || !(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    throw new ImageError('Pixels need a whole width and height, and data with levels of 0 to 255 in a Uint8Array or Uint8ClampedArray.');
  checkSize({ width, height }, limits);
  const levels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const channels = levels.length / (width * height);
  if (channels === 4) {
    const transparent = levels.some((level, i) => i % 4 === 3 && level !== 255);
    return opaqueOf({ width, height, data: levels }, { grey: false, transparent }, background, 1);
  }
  if (channels !== 1 && channels !== 3)
    throw new ImageError(`Pixels of ${width} x ${height} need 1, 3 or 4 levels each; there are ${levels.length} in all.`);
  return { width, height, channels, pixels: levels };
}

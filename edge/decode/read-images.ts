import { float32FromBytes } from '../../shared/float32-base64.ts';
import { isImageFile } from '../../shared/images/kind-of-file.ts';
import type { UprightImage } from '../../shared/images/upright.ts';
import { mostJsonValues } from '../../shared/plain-json.ts';
import { preprocess } from '../../shared/preprocess.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Config } from '../config.ts';
import { ProblemError } from '../problem.ts';
import { fromBase64 } from './base64.ts';
import { type DecodeConfig, requestDecoder } from './decode-image.ts';
import { type Item, itemsOfJson, itemsOfMultipart } from './items.ts';

export const CONTENT_TYPES = ['image/png', 'image/jpeg', 'application/octet-stream', 'application/json', 'multipart/form-data'];

/** Names that these types had before, or never had: Windows, old browsers and cameras' software send them. */
const OTHER_NAMES: Record<string, string> = { 'image/jpg': 'image/jpeg', 'image/pjpeg': 'image/jpeg', 'image/x-png': 'image/png' };

/** An image of a request. */
export interface ReadImage {
  /** The model's input, [H, W, C] in [0, 1]. */
  tensor: Float32Array;
  /** What the file shows; null where numbers were sent. */
  picture: UprightImage | null;
}

/** The images of a body, or what is wrong with each. */
export interface ReadImages {
  /** How they came. `file`: one image, and the answer is no list. */
  form: 'file' | 'json' | 'form';
  /** The field of each, of a form. */
  names: (string | undefined)[];
  images: (ReadImage | ProblemError)[];
}

export type ReadConfig = DecodeConfig & Pick<Config, 'MAX_IMAGES' | 'MAX_JSON_VALUES'>;

/** The media type of a Content-Type header, in small letters. @throws ProblemError `unsupported-media-type` where it is none of those taken */
export function mediaTypeOf(contentType: string | null | undefined): string {
  const given = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const type = (Object.hasOwn(OTHER_NAMES, given) && OTHER_NAMES[given]) || given;
  if (CONTENT_TYPES.includes(type)) return type;
  throw new ProblemError(
    'unsupported-media-type',
    `The content type is ${type.slice(0, 100) || 'missing'}; allowed are ${CONTENT_TYPES.join(', ')}.`,
  );
}

/**
 * The images of a body, by its content type. Of a batch, an image that can't be read takes its own error; of a single image
 * the error is thrown.
 *
 * @param contentType the whole header
 * @throws ProblemError
 */
export async function readImages(contentType: string, body: Uint8Array, screening: Screening, config: ReadConfig): Promise<ReadImages> {
  const type = mediaTypeOf(contentType);
  if (body.byteLength === 0) throw new ProblemError('empty-body', `The body is empty; an image is needed (${CONTENT_TYPES.join(', ')}).`);
  if (type === 'application/octet-stream' || type.startsWith('image/')) {
    const [image] = await readItems([type === 'application/octet-stream' ? { bytes: body } : { file: body }], screening, config);
    if (image instanceof ProblemError) throw image;
    return { form: 'file', names: [], images: [image as ReadImage] };
  }
  const form = type === 'application/json' ? 'json' : 'form';
  const items: Item[] =
    form === 'json'
      ? itemsOfJson(body, config.MAX_IMAGES, maxJsonValues(screening, config))
      : await itemsOfMultipart(body, contentType, config.MAX_IMAGES);
  return { form, names: items.map(({ name }) => name), images: await readItems(items, screening, config) };
}

/** How many values the JSON of a request may hold: as many as the largest batch of numbers needs, where nothing else is configured. */
export const maxJsonValues = ({ input }: Pick<Screening, 'input'>, { MAX_JSON_VALUES, MAX_IMAGES }: ReadConfig): number =>
  MAX_JSON_VALUES ?? mostJsonValues(input, MAX_IMAGES);

/** The model's inputs alone; the pictures, which take far more memory, need not be kept. */
export const tensorsOf = (images: readonly (ReadImage | ProblemError)[]): (Float32Array | ProblemError)[] =>
  images.map((image) => (image instanceof ProblemError ? image : image.tensor));

/** Reads each item, or says what is wrong with it. */
export async function readItems(items: readonly Item[], screening: Screening, config: ReadConfig): Promise<(ReadImage | ProblemError)[]> {
  const images: (ReadImage | ProblemError)[] = [];
  const decode = requestDecoder(config, screening.preprocess.background);
  // One after the other: a decoded image takes far more memory than its file, and a worker has little.
  for (const item of items) {
    try {
      images.push(await readItem(item, screening, decode));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      images.push(error);
    }
  }
  return images;
}

async function readItem(
  item: Item,
  { input, preprocess: rules }: Screening,
  decode: (bytes: Uint8Array) => Promise<UprightImage>,
): Promise<ReadImage> {
  if ('problem' in item) throw item.problem;
  if ('pixels' in item) return { tensor: checkedPixels(flat(item.pixels), input), picture: null };
  // A client that does not name the type of its file is understood.
  if ('bytes' in item && !isFile(item.bytes, input)) return { tensor: fromFloats(item.bytes, input), picture: null };
  const picture = await decode('file' in item ? item.file : 'bytes' in item ? item.bytes : bytesOf(item.base64));
  return { tensor: preprocess(picture, input, rules), picture };
}

/** A file's first four bytes are, as a float32, no number in [0, 1]: those of a tensor that begins like a file by chance are. */
function isFile(bytes: Uint8Array, input: Screening['input']): boolean {
  const first = bytes.byteLength === 4 * floatsOf(input) ? (float32FromBytes(bytes.subarray(0, 4))[0] as number) : Number.NaN;
  return isImageFile(bytes) && !(first >= 0 && first <= 1);
}

function bytesOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64);
  if (bytes) return bytes;
  throw new ProblemError('bad-image', 'The image is not base64. Send the bytes of a PNG or JPEG file as base64, or as a data URI of it.');
}

function fromFloats(body: Uint8Array, input: Screening['input']): Float32Array {
  const needed = 4 * floatsOf(input);
  if (body.byteLength !== needed) {
    throw new ProblemError(
      'wrong-size',
      `There are ${body.byteLength} bytes, and no PNG or JPEG; ${needed} are needed: ${shapeText(input)} little-endian float32.`,
    );
  }
  return checkedPixels(float32FromBytes(body), input);
}

function flat(pixels: unknown[]): Float32Array {
  // Rows, columns, channels; what is nested deeper is refused, not followed.
  const values = pixels.flat(2);
  if (!values.every((value) => typeof value === 'number'))
    throw new ProblemError('not-finite', 'pixels must hold numbers only, in [0, 1].');
  return Float32Array.from(values);
}

function checkedPixels(values: Float32Array, input: Screening['input']): Float32Array {
  const floats = floatsOf(input);
  if (values.length !== floats)
    throw new ProblemError('wrong-size', `There are ${values.length} values; ${floats} are needed: ${shapeText(input)}.`);
  const odd = values.findIndex((value) => !(value >= 0 && value <= 1));
  if (odd >= 0) throw new ProblemError('not-finite', `Value ${odd} is ${values[odd]}; every value must be a number in [0, 1].`);
  return values;
}

const floatsOf = ({ height, width, channels }: Screening['input']): number => height * width * channels;

function shapeText({ height, width, channels }: Screening['input']): string {
  return `${height} x ${width} x ${channels}`;
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT, FORMATS, formatOf } from '../../shared/images/formats.ts';
import type { DecodedImage } from '../../shared/images/image.ts';
import { mostJsonValues } from '../../shared/protocol/plain-json.ts';
import { float32Of } from '../../shared/protocol/tensors.ts';
import { type ReadImage, type ImageSource as Source, valuesProblem } from '../../shared/screening/input.ts';
import type { Config } from '../config.ts';
import { ProblemError } from '../problem.ts';
import { fromBase64 } from './base64.ts';
import { type DecodeConfig, requestDecoder } from './decoder.ts';
import { type Item, itemsOfJson, itemsOfMultipart } from './items.ts';

const CONTENT_TYPES = [
  ...FORMATS.map(({ mediaTypes: [type] }) => type),
  ...['application/octet-stream', 'application/json', 'multipart/form-data'],
];

/** The media type of an image by each of its names: Windows, old browsers and camera software send old and unofficial ones. */
const IMAGE_TYPES = new Map(FORMATS.flatMap(({ mediaTypes }) => mediaTypes.map((name) => [name, mediaTypes[0]])));

/** Reads an image of a request, or returns what is wrong with it. */
export type ImageSource = Source<ProblemError>;

/** The images of a body. */
export interface ReadImages {
  /** The form of the body. `file` is a single image, whose answer is not a list. */
  form: 'file' | 'json' | 'form';
  /** The form field of each image. */
  names: (string | undefined)[];
  images: ImageSource[];
}

export type ReadConfig = DecodeConfig & Pick<Config, 'MAX_IMAGES' | 'MAX_JSON_VALUES'>;

/** Returns the media type of a Content-Type header, in lower case. @throws ProblemError `unsupported-media-type` */
export function mediaTypeOf(contentType: string | null | undefined): string {
  const given = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const type = IMAGE_TYPES.get(given) ?? given;
  if (CONTENT_TYPES.includes(type)) return type;
  throw new ProblemError(
    'unsupported-media-type',
    `The content type is ${type.slice(0, 100) || 'missing'}; allowed are ${CONTENT_TYPES.join(', ')}.`,
  );
}

/**
 * Finds the images of a body, by its content type. In a batch, an image that can't be read has an error of its own; for a single image
 * its source throws the error.
 *
 * @param contentType the whole header
 * @throws ProblemError
 */
export function readImages(contentType: string, body: Uint8Array, screening: Screening, config: ReadConfig): ReadImages {
  const type = mediaTypeOf(contentType);
  if (body.byteLength === 0) throw new ProblemError('empty-body', `The body is empty; an image is needed (${CONTENT_TYPES.join(', ')}).`);
  if (type === 'application/octet-stream' || type.startsWith('image/')) {
    const item = type === 'application/octet-stream' ? { bytes: body } : { file: body };
    const decode = requestDecoder(config, screening.preprocess.background);
    return { form: 'file', names: [], images: [() => readItem(item, screening.input, decode)] };
  }
  const form = type === 'application/json' ? 'json' : 'form';
  const items =
    form === 'json'
      ? itemsOfJson(body, config.MAX_IMAGES, maxJsonValues(screening, config))
      : itemsOfMultipart(body, contentType, config.MAX_IMAGES);
  return { form, names: items.map(({ name }) => name), images: imageSources(items, screening, config) };
}

/** Returns how many values the JSON of a request may hold: unless configured, as many as the largest batch of numbers needs. */
export const maxJsonValues = ({ input }: Pick<Screening, 'input'>, { MAX_JSON_VALUES, MAX_IMAGES }: ReadConfig): number =>
  MAX_JSON_VALUES ?? mostJsonValues(input, MAX_IMAGES);

/** Returns a source for each item; together they decode at most MAX_REQUEST_PIXELS. */
export function imageSources(items: readonly Item[], screening: Screening, config: ReadConfig): ImageSource[] {
  const decode = requestDecoder(config, screening.preprocess.background);
  return items.map((item) => () => {
    try {
      return readItem(item, screening.input, decode);
    } catch (error) {
      if (error instanceof ProblemError) return error;
      throw error;
    }
  });
}

type Input = Screening['input'];

function readItem(item: Item, input: Input, decode: (bytes: Uint8Array) => DecodedImage): ReadImage {
  if ('problem' in item) throw item.problem;
  if ('pixels' in item) return { values: checked(flat(item.pixels), input) };
  // Some clients do not name the type of a file.
  if ('bytes' in item && !isFile(item.bytes, input)) return { values: fromFloats(item.bytes, input) };
  return { picture: decode('file' in item ? item.file : 'bytes' in item ? item.bytes : bytesOf(item.base64)) };
}

/** Tells a file from a tensor that begins like one by chance: as a float32, a file's first four bytes are not a number in [0, 1]. */
function isFile(bytes: Uint8Array, input: Input): boolean {
  const first = bytes.byteLength === 4 * floatsOf(input) ? (float32Of(bytes.subarray(0, 4))[0] as number) : Number.NaN;
  return formatOf(bytes) !== undefined && !(first >= 0 && first <= 1);
}

function bytesOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64);
  if (bytes) return bytes;
  throw new ProblemError('bad-image', `The image is not base64. Send the bytes of a ${ANY_FORMAT} file as base64, or as a data URI of it.`);
}

function fromFloats(body: Uint8Array, input: Input): Float32Array {
  const needed = 4 * floatsOf(input);
  if (body.byteLength === needed) return checked(float32Of(body), input);
  throw new ProblemError(
    'wrong-size',
    `There are ${body.byteLength} bytes, which are no ${ANY_FORMAT}; as numbers, ${needed} are needed: ${shapeText(input)} ` +
      'little-endian float32.',
  );
}

function flat(pixels: unknown[]): Float32Array {
  // Rows, columns, channels; deeper nesting is refused, not followed.
  const values = pixels.flat(2);
  if (!values.every((value) => typeof value === 'number'))
    throw new ProblemError('not-finite', 'pixels must hold numbers only, in [0, 1].');
  return Float32Array.from(values);
}

function checked(values: Float32Array, input: Input): Float32Array {
  const problem = valuesProblem(values, input);
  if (problem) throw new ProblemError(problem.what, problem.detail);
  return values;
}

const floatsOf = ({ height, width, channels }: Input): number => height * width * channels;
const shapeText = ({ height, width, channels }: Input): string => `${height} x ${width} x ${channels}`;

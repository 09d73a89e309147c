import { float32FromBytes } from '../../shared/float32-base64.ts';
import { preprocess } from '../../shared/preprocess.ts';
import { batchItemSchema, batchRequestSchema } from '../../shared/screen-messages.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Config } from '../config.ts';
import { ProblemError } from '../problem.ts';
import { decodeImage } from './decode-image.ts';

export const CONTENT_TYPES = ['image/png', 'image/jpeg', 'application/octet-stream', 'application/json'];

/** The model's input of each image, [H, W, C] in [0, 1], or what is wrong with it. `batch`: the answer is a list. */
export interface ReadImages {
  batch: boolean;
  images: (Float32Array | ProblemError)[];
}

/**
 * The images of a body, by its content type. Of a batch, an image that can't be read takes its own error; of a single image
 * the error is thrown.
 *
 * @throws ProblemError
 */
export async function readImages(contentType: string, body: Uint8Array, screening: Screening, config: Config): Promise<ReadImages> {
  if (body.byteLength === 0) throw new ProblemError('empty-body', `The body is empty; an image is needed (${CONTENT_TYPES.join(', ')}).`);
  const fromFile = async (bytes: Uint8Array) =>
    preprocess(await decodeImage(bytes, config.MAX_PIXELS), screening.input, screening.preprocess);
  if (contentType === 'image/png' || contentType === 'image/jpeg') return { batch: false, images: [await fromFile(body)] };
  if (contentType === 'application/octet-stream') return { batch: false, images: [fromFloats(body, screening.input)] };
  const images: ReadImages['images'] = [];
  // One after the other: a decoded image takes far more memory than its file, and a worker has little.
  for (const item of batchOf(body, config.MAX_IMAGES)) {
    try {
      images.push('image' in item ? await fromFile(fromBase64(item.image)) : checkedPixels(flat(item.pixels), screening.input));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      images.push(error);
    }
  }
  return { batch: true, images };
}

function batchOf(body: Uint8Array, maxImages: number) {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new ProblemError('bad-json', `The body is not JSON (${(error as Error).message}).`);
  }
  const batch = batchRequestSchema.safeParse(json);
  const count = batch.data?.images.length ?? 0;
  if (count > maxImages)
    throw new ProblemError('body-too-large', `The batch has ${count} images; at most ${maxImages} are allowed. Send several batches.`);
  const items = batchItemSchema.array().safeParse(batch.data?.images);
  if (items.success) return items.data;
  throw new ProblemError(
    'bad-json',
    'The JSON must be {"images": [...]}, each {"image": "base64 of a PNG or JPEG"} or {"pixels": numbers in [0, 1]}.',
  );
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new ProblemError('bad-image', 'The image is not base64. Send the bytes of a PNG or JPEG file as base64.');
  }
}

function fromFloats(body: Uint8Array, input: Screening['input']): Float32Array {
  const floats = input.height * input.width * input.channels;
  if (body.byteLength !== 4 * floats) {
    throw new ProblemError(
      'wrong-size',
      `The body has ${body.byteLength} bytes; ${4 * floats} are needed: ${shapeText(input)} little-endian float32.`,
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
  const floats = input.height * input.width * input.channels;
  if (values.length !== floats)
    throw new ProblemError('wrong-size', `There are ${values.length} values; ${floats} are needed: ${shapeText(input)}.`);
  const odd = values.findIndex((value) => !(value >= 0 && value <= 1));
  if (odd >= 0) throw new ProblemError('not-finite', `Value ${odd} is ${values[odd]}; every value must be a number in [0, 1].`);
  return values;
}

function shapeText({ height, width, channels }: Screening['input']): string {
  return `${height} x ${width} x ${channels}`;
}

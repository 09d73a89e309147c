import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { parsePlainJson, TooManyValuesError } from '../../shared/protocol/plain-json.ts';
import { batchItemSchema, batchRequestSchema } from '../../shared/protocol/screen-messages.ts';
import { ProblemError } from '../problem.ts';
import { FormError, type FormPart, formParts } from './multipart.ts';

/** The names of the form part that an image came in. */
interface PartName {
  name?: string;
  filename?: string;
}

/** One image of a body in the form in which it was sent, or why there is none. `bytes` are float32, or a file whose type is not given. */
export type Item = PartName &
  ({ file: Uint8Array } | { base64: string } | { bytes: Uint8Array } | { pixels: unknown[] } | { problem: ProblemError });

/**
 * Reads the images of a JSON batch.
 *
 * @throws ProblemError `bad-json`, `body-too-large`
 */
export function itemsOfJson(body: Uint8Array, maxImages: number, maxValues: number): Item[] {
  let json: unknown;
  try {
    json = parsePlainJson(body, maxValues);
  } catch (error) {
    if (error instanceof TooManyValuesError)
      throw new ProblemError('body-too-large', `The JSON is too large: ${error.message}. Send fewer images, or files in place of numbers.`);
    throw new ProblemError('bad-json', `The body is not JSON that can be used: ${(error as Error).message}. Send JSON as /docs shows it.`);
  }
  const batch = batchRequestSchema.safeParse(json);
  const count = batch.data?.images.length ?? 0;
  if (count > maxImages)
    throw new ProblemError('body-too-large', `The batch has ${count} images; at most ${maxImages} are allowed. Send several batches.`);
  const items = batchItemSchema.array().safeParse(batch.data?.images);
  if (items.success) return items.data.map((item) => ('image' in item ? { base64: item.image } : item));
  throw new ProblemError(
    'bad-json',
    `The JSON must be {"images": [...]}, each {"image": "base64 of a ${ANY_FORMAT}"} or {"pixels": numbers in [0, 1]}.`,
  );
}

/**
 * Reads the files of a form, in order; one of type application/octet-stream may be float32 values.
 *
 * @throws ProblemError `bad-multipart`, `body-too-large`
 */
export function itemsOfMultipart(body: Uint8Array, contentType: string, maxImages: number): Item[] {
  let parts: FormPart[];
  try {
    parts = formParts(body, contentType, maxImages);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    throw new ProblemError('bad-multipart', `The form can't be read: ${error.message}. Send it as browsers and curl -F do.`);
  }
  if (parts.length > maxImages)
    throw new ProblemError('body-too-large', `The form has more than ${maxImages} parts, the most that is allowed. Send several forms.`);
  if (parts.length === 0) throw new ProblemError('bad-multipart', 'The form has no parts. Send each image as a file.');
  return parts.map(itemOfPart);
}

function itemOfPart({ name, filename, type, content }: FormPart): Item {
  const called = { name, ...(filename === undefined ? {} : { filename }) };
  const problem = (what: string) => ({ ...called, problem: new ProblemError('bad-image', `The part ${name.slice(0, 100)} ${what}`) });
  // A browser sends this for a field in which no file was chosen.
  if (filename === '' && content.byteLength === 0) return problem('holds no file. Choose one.');
  if (type === 'application/octet-stream') return { ...called, bytes: content };
  // Retrofit sends a file's type without a file name.
  if (filename !== undefined || type.startsWith('image/')) return { ...called, file: content };
  return problem('is a field and no file. Send it with a file name.');
}

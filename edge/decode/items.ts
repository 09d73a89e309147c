import { parsePlainJson } from '../../shared/plain-json.ts';
import { batchItemSchema, batchRequestSchema } from '../../shared/screen-messages.ts';
import { ProblemError } from '../problem.ts';
import { formProblem } from './plain-form.ts';

/** One image of a body, in the form it was sent in, or why it is none. */
export type Item =
  /** A PNG or JPEG file. */
  | { file: Uint8Array }
  | { base64: string }
  /** Little-endian float32, or a file whose type was not named. */
  | { bytes: Uint8Array }
  | { pixels: unknown[] }
  | { problem: ProblemError };

/** @throws ProblemError `bad-json`, `body-too-large` */
export function itemsOfJson(body: Uint8Array, maxImages: number): Item[] {
  let json: unknown;
  try {
    json = parsePlainJson(body);
  } catch (error) {
    throw new ProblemError('bad-json', `The body is not JSON that can be used: ${(error as Error).message}.`);
  }
  const batch = batchRequestSchema.safeParse(json);
  checkCount(batch.data?.images.length ?? 0, maxImages);
  const items = batchItemSchema.array().safeParse(batch.data?.images);
  if (items.success) return items.data.map((item) => ('image' in item ? { base64: item.image } : item));
  throw new ProblemError(
    'bad-json',
    'The JSON must be {"images": [...]}, each {"image": "base64 of a PNG or JPEG"} or {"pixels": numbers in [0, 1]}.',
  );
}

/**
 * Each file of a form, in order; one of type application/octet-stream may be float32 values.
 *
 * @throws ProblemError `bad-multipart`, `body-too-large`
 */
export async function itemsOfMultipart(body: Uint8Array, contentType: string, maxImages: number): Promise<Item[]> {
  const odd = formProblem(body, contentType);
  if (odd)
    throw new ProblemError('bad-multipart', `The body is not a form as its boundary says: ${odd}. Send it as browsers and curl -F do.`);
  // The runtime's own parser.
  const form = await new Response(body as BodyInit, { headers: { 'content-type': contentType } }).formData().catch((error: unknown) => {
    throw new ProblemError(
      'bad-multipart',
      `The body is not a form as its boundary says (${error instanceof Error ? error.message : error}).`,
    );
  });
  const parts = [...form.entries()];
  checkCount(parts.length, maxImages);
  if (parts.length === 0) throw new ProblemError('bad-multipart', 'The form has no parts; a file is needed for each image.');
  const items: Item[] = [];
  for (const [name, part] of parts) {
    if (typeof part === 'string') {
      const problem = new ProblemError('bad-image', `The part ${name.slice(0, 100)} is a field and no file. Send it with a file name.`);
      items.push({ problem });
      continue;
    }
    const bytes = new Uint8Array(await (part as Blob).arrayBuffer());
    items.push((part as Blob).type === 'application/octet-stream' ? { bytes } : { file: bytes });
  }
  return items;
}

function checkCount(count: number, maxImages: number): void {
  if (count > maxImages)
    throw new ProblemError('body-too-large', `The batch has ${count} images; at most ${maxImages} are allowed. Send several batches.`);
}

import type { OfflineScreen } from './offline.ts';
import type { Body } from './seeds.ts';

const [INPUT, PIXELS] = ['inference-header-content-length', 28 * 28];

/**
 * The images of a body as the model must get them, read by other code than the worker's: Node's parser of forms, sharp, plain JSON.
 *
 * @returns one for each image, in order; each throws where it can't be read
 * @throws where the body can't be read
 */
export async function imagesOf({ path, headers, bytes }: Body, { tensorOf }: OfflineScreen): Promise<(() => Promise<Float32Array>)[]> {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const file = (content: Uint8Array) => () => tensorOf(content);
  const floats = (content: Uint8Array) => async () => floatsOf(content);
  if (path.startsWith('/v2')) return inferImages(bytes, headers[INPUT], file);
  if (type === 'application/octet-stream') return [isFile(bytes) ? file(bytes) : floats(bytes)];
  if (type === 'application/json') {
    const { images } = JSON.parse(textOf(bytes)) as { images: { image?: string; pixels?: unknown[] }[] };
    return images.map(({ image, pixels }) => (image === undefined ? async () => numbersOf(pixels) : file(fromBase64(image))));
  }
  if (type !== 'multipart/form-data') return [file(bytes)];
  const parts = await formParts(bytes, headers['content-type'] as string);
  return parts.map((part) => {
    if (!part) return () => Promise.reject(new Error('a field, not a file'));
    return part.type === 'application/octet-stream' && !isFile(part.content) ? floats(part.content) : file(part.content);
  });
}

function inferImages(bytes: Buffer, headerLength: string | undefined, file: (content: Uint8Array) => () => Promise<Float32Array>) {
  const length = headerLength === undefined ? bytes.length : Number(headerLength);
  const { inputs } = JSON.parse(textOf(bytes.subarray(0, length))) as {
    inputs: { name: string; shape: number[]; data?: unknown[]; parameters?: { binary_data_size?: number } }[];
  };
  const [input] = inputs;
  if (!input) throw new Error('no input');
  const size = input.parameters?.binary_data_size;
  if (input.name === 'file') {
    if (size !== undefined) throw new Error('files in binary, which no mutant has');
    return (input.data as unknown[]).flat(Number.POSITIVE_INFINITY).map((text) => file(fromBase64(text as string)));
  }
  const values = size === undefined ? numbersOf(input.data, false) : floatsOf(bytes.subarray(length, length + size), false);
  return Array.from({ length: values.length / PIXELS }, (_, i) => async () => values.slice(i * PIXELS, (i + 1) * PIXELS));
}

function floatsOf(content: Uint8Array, one = true): Float32Array {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return checked(
    Float32Array.from({ length: content.byteLength >> 2 }, (_, i) => view.getFloat32(4 * i, true)),
    one,
  );
}

function numbersOf(values: unknown[] | undefined, one = true): Float32Array {
  const flat = (values ?? []).flat(Number.POSITIVE_INFINITY);
  if (!flat.every((value) => typeof value === 'number')) throw new Error('not all are numbers');
  return checked(Float32Array.from(flat as number[]), one);
}

function checked(values: Float32Array, one: boolean): Float32Array {
  if (values.length === 0 || values.length % PIXELS !== 0 || (one && values.length !== PIXELS)) throw new Error(`${values.length} values`);
  if (!values.every((value) => value >= 0 && value <= 1)) throw new Error('a value beyond 0 to 1');
  return values;
}

/** A body of the length of the numbers is a file where its first number can't be in [0, 1]. */
function isFile(content: Uint8Array): boolean {
  const first = content.length === 4 * PIXELS ? Buffer.from(content).readFloatLE() : Number.NaN;
  return (content[0] === 0x89 || content[0] === 0xff) && !(first >= 0 && first <= 1);
}

/** Node reads both alphabets. */
const fromBase64 = (text: string) => Buffer.from(text.replace(/^data:[^,]*,/, ''), 'base64');

/** Without the mark of the byte order that RFC 8259 lets a reader ignore, as the worker does. */
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/**
 * Reads the parts of a form with Node's parser. That is stricter than others and does not report the type of a field; if it refuses the
 * form or finds a field, the form is cut at its boundary. null: a field, a part that names neither a file nor an image's type.
 */
async function formParts(bytes: Buffer, contentType: string): Promise<({ type: string; content: Uint8Array } | null)[]> {
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData().catch(() => null);
  const files = [...(form?.values() ?? [])].filter((part) => typeof part !== 'string');
  if (form && files.length === [...form.keys()].length)
    return Promise.all(files.map(async (part) => ({ type: part.type, content: new Uint8Array(await part.arrayBuffer()) })));
  const boundary = /boundary="?([^";]+)/i.exec(contentType)?.[1] ?? '';
  const pieces = `\r\n${bytes.toString('latin1')}`.split(`\r\n--${boundary}`);
  return pieces.slice(1).flatMap((piece) => {
    const end = piece.indexOf('\r\n\r\n');
    if (piece.startsWith('--') || end < 0) return [];
    const head = piece.slice(0, end);
    const type = /content-type: *(.*)/i.exec(head)?.[1]?.trim() ?? '';
    const isImage = /^(image\/|application\/octet-stream)/i.test(type);
    return [/filename=/i.test(head) || isImage ? { type, content: Buffer.from(piece.slice(end + 4), 'latin1') } : null];
  });
}

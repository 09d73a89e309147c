import type { Captured } from '../peers/capture.ts';

/**
 * Returns the files of a request that reached the upstream, by Node's own parsers; none if it holds no files or they can't be told apart.
 */
export async function filesIn({ headers, body }: Captured): Promise<Buffer[]> {
  const type = headers['content-type'] ?? '';
  if (type.startsWith('image/')) return [body];
  if (type.startsWith('multipart/')) {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData().catch(() => new FormData());
    const files = [...form.values()].filter((value) => typeof value !== 'string');
    return Promise.all(files.map(async (file) => Buffer.from(await file.arrayBuffer())));
  }
  const length = Number(headers['inference-header-content-length'] ?? body.length);
  try {
    const { images, inputs } = JSON.parse(body.toString('utf8', 0, length)) as {
      images?: { image?: string }[];
      inputs?: { datatype: string; data?: unknown[] }[];
    };
    if (images) return images.flatMap(({ image }) => (image === undefined ? [] : [Buffer.from(image, 'base64')]));
    const [input] = inputs ?? [];
    if (input?.datatype !== 'BYTES') return [];
    const texts = (input.data ?? []).flat(Number.POSITIVE_INFINITY) as string[];
    return length === body.length ? texts.map((text) => Buffer.from(text, 'base64')) : elementsOf(body.subarray(length));
  } catch {
    return [];
  }
}

/** Returns the float tensors of our JSON or of an inference request with one image; none if there are none. */
export function tensorsIn({ headers, body }: Captured): number[][] {
  const length = Number(headers['inference-header-content-length'] ?? body.length);
  try {
    const { images, inputs } = JSON.parse(body.toString('utf8', 0, length)) as {
      images?: { pixels?: unknown[] }[];
      inputs?: { datatype: string; data?: unknown[] }[];
    };
    const flat = (values: unknown[]) => values.flat(Number.POSITIVE_INFINITY) as number[];
    if (images) return images.flatMap(({ pixels }) => (pixels ? [flat(pixels)] : []));
    const [input] = inputs ?? [];
    if (input?.datatype !== 'FP32') return [];
    if (input.data) return [flat(input.data)];
    return [[...new Float32Array(Uint8Array.from(body.subarray(length)).buffer)]];
  } catch {
    return [];
  }
}

/** A BYTES tensor in binary: each element after its length of four bytes, the file itself or its base64. */
function elementsOf(binary: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  for (let at = 0; at + 4 <= binary.length; ) {
    const end = at + 4 + binary.readUInt32LE(at);
    const element = binary.subarray(at + 4, end);
    elements.push(element[0] === 0x89 || element[0] === 0xff ? element : Buffer.from(element.toString('latin1'), 'base64'));
    at = end;
  }
  return elements;
}

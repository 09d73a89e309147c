import { z } from 'zod';
import { parsePlainJson, TooManyValuesError } from './plain-json.ts';

/**
 * The part of the Open Inference Protocol v2 (of KServe, Triton and MLServer) that Portcullis speaks: an inference
 * request and answer, with JSON tensors or with the binary tensor extension (header `Inference-Header-Content-Length`).
 */

export const BINARY_HEADER = 'Inference-Header-Content-Length';

const MAX_DIMENSIONS = 8;
const MAX_TENSORS = 16;
/** In a binary BYTES tensor; five megabytes could hold a million. */
const MAX_ELEMENTS = 4096;
/** Of a name, which may be repeated in messages to the client. */
const MAX_NAME = 256;
/** Ids come back in answers, and go on with what the guard forwards. */
const MAX_ID = 1024;

/** Makes the schema of a list whose length is checked before its items: a million wrong items must not make a million messages. */
function shortList<T extends z.ZodType>(item: T, min: number, max: number) {
  return z.array(z.unknown()).min(min).max(max).pipe(z.array(item));
}

const shape = shortList(z.int().nonnegative(), 0, MAX_DIMENSIONS);
/** Python's models write null for absent members. */
const parameters = z.record(z.string(), z.unknown()).nullish();
const tensorFields = { name: z.string().min(1).max(MAX_NAME), datatype: z.enum(['FP32', 'INT64', 'BYTES']), shape, parameters };

/** `data` is flat or nested as `shape`; its values are checked by `readTensors`, which does not recurse. */
const jsonTensor = z.object({ ...tensorFields, data: z.array(z.unknown()).nullish() });

export const inferRequestSchema = z.object({
  id: z.string().max(MAX_ID).nullish(),
  parameters,
  inputs: shortList(jsonTensor, 1, MAX_TENSORS),
  outputs: shortList(z.object({ name: z.string().max(MAX_NAME), parameters }), 0, MAX_TENSORS).nullish(),
});

/** The schemas for the API's description: lists with the schema of their items, which `shortList` hides. */
const described = jsonTensor.extend({ shape: z.array(z.int().nonnegative()).max(MAX_DIMENSIONS) });
export const describedInferRequest = inferRequestSchema.extend({
  inputs: z.array(described).min(1).max(MAX_TENSORS),
  outputs: z
    .array(z.object({ name: z.string(), parameters }))
    .max(MAX_TENSORS)
    .nullish(),
});

export const inferResponseSchema = z.object({
  id: z.string().nullish(),
  model_name: z.string(),
  model_version: z.string().nullish(),
  parameters,
  outputs: shortList(jsonTensor, 0, MAX_TENSORS),
});

export const describedInferResponse = inferResponseSchema.extend({ outputs: z.array(described) });

/** An element of a BYTES tensor: text, or bytes where they are not UTF-8, such as those of an image file. */
export type BytesElement = string | Uint8Array;

/** A tensor with its values flat, in row-major order. FP32 → Float32Array, INT64 → BigInt64Array, BYTES → a list. */
export type Tensor =
  | { name: string; datatype: 'FP32'; shape: number[]; data: Float32Array }
  | { name: string; datatype: 'INT64'; shape: number[]; data: BigInt64Array }
  | { name: string; datatype: 'BYTES'; shape: number[]; data: BytesElement[] };

/** What does not fit: the form of the message, the number of images, their size, or a value. */
export type Misfit = 'form' | 'count' | 'size' | 'value';

/** The error for a message that does not follow the protocol; its text says where. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
  readonly misfit: Misfit;
  constructor(message: string, misfit: Misfit = 'form') {
    super(message);
    this.misfit = misfit;
  }
}

type JsonTensor = z.infer<typeof jsonTensor>;

/**
 * Reads the tensors of a message from its JSON part and the bytes that follow it.
 *
 * @param tensors `inputs` of a request or `outputs` of a response
 * @param binary what comes after the JSON part; empty without the extension
 * @throws ProtocolError where a tensor's data is missing, of the wrong count, or left over
 */
export function readTensors(tensors: readonly JsonTensor[], binary: Uint8Array): Tensor[] {
  let offset = 0;
  const read = tensors.map((tensor) => {
    const size = tensor.parameters?.binary_data_size ?? null;
    if (size === null) return fromJson(tensor);
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || offset + size > binary.byteLength) {
      throw new ProtocolError(
        `tensor ${tensor.name}: binary_data_size ${JSON.stringify(size).slice(0, 100)} does not fit the ${binary.byteLength - offset} bytes that follow`,
      );
    }
    const bytes = binary.subarray(offset, offset + size);
    offset += size;
    return fromBinary(tensor, bytes);
  });
  if (offset !== binary.byteLength) throw new ProtocolError(`${binary.byteLength - offset} bytes follow that belong to no tensor`);
  return read;
}

/**
 * Writes a tensor as JSON, its data flat.
 *
 * @throws ProtocolError if JSON can't hold a value: INT64 beyond 2^53, bytes that are not text
 */
export function jsonOf(tensor: Tensor): JsonTensor {
  const { name, datatype, shape } = tensor;
  const values: unknown[] = Array.from<unknown>(tensor.data);
  if (values.some((value) => value instanceof Uint8Array))
    throw new ProtocolError(`tensor ${name} has bytes that can't be written as JSON`);
  const data = tensor.datatype === 'INT64' ? Array.from(tensor.data, safeNumber) : values;
  return { name, datatype, shape, data };
}

/** Returns the bytes of a tensor for the binary extension: little-endian; each BYTES element after its length (uint32). */
export function binaryOf(tensor: Tensor): Uint8Array {
  if (tensor.datatype === 'BYTES') {
    const items = tensor.data.map((item) => (typeof item === 'string' ? new TextEncoder().encode(item) : item));
    const bytes = new Uint8Array(items.reduce((sum, item) => sum + 4 + item.length, 0));
    let at = 0;
    for (const item of items) {
      new DataView(bytes.buffer).setUint32(at, item.length, true);
      bytes.set(item, at + 4);
      at += 4 + item.length;
    }
    return bytes;
  }
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

/**
 * Splits a body into its JSON part and the binary part.
 *
 * @param headerLength the value of `Inference-Header-Content-Length`, or null where the body is all JSON
 * @param maxValues how many values the JSON may hold
 * @throws ProtocolError where the length does not fit or the JSON can't be parsed
 */
export function splitBody(body: Uint8Array, headerLength: string | null, maxValues: number): { json: unknown; binary: Uint8Array } {
  const length = headerLength === null ? body.byteLength : /^\d{1,15}$/.test(headerLength) ? Number(headerLength) : Number.NaN;
  if (!(length <= body.byteLength)) {
    throw new ProtocolError(`${BINARY_HEADER} is ${headerLength}; it must be a whole number from 0 to the body's ${body.byteLength} bytes`);
  }
  try {
    return { json: parsePlainJson(body.subarray(0, length), maxValues), binary: body.subarray(length) };
  } catch (error) {
    if (error instanceof TooManyValuesError) throw new ProtocolError(`the JSON part is too large: ${error.message}. Send less`, 'count');
    throw new ProtocolError(`the JSON part can't be parsed: ${(error as Error).message}`);
  }
}

function elements(tensor: { shape: readonly number[] }): number {
  return tensor.shape.reduce((product, dimension) => product * dimension, 1);
}

/** Says whether lists are nested as a shape says, down to its last dimension. */
function isNestedAs(data: unknown, shape: readonly number[]): boolean {
  const [length, ...inner] = shape;
  if (!Array.isArray(data) || data.length !== length) return false;
  return inner.length === 0 ? !data.some(Array.isArray) : data.every((item) => isNestedAs(item, inner));
}

function fromJson(tensor: JsonTensor): Tensor {
  const { name, shape, datatype } = tensor;
  if (!tensor.data) throw new ProtocolError(`tensor ${name} has neither data nor binary_data_size`);
  // A server that takes the shape from the nesting must see the same.
  if (tensor.data.some(Array.isArray) && !isNestedAs(tensor.data, shape))
    throw new ProtocolError(
      `tensor ${name} is nested otherwise than its shape [${shape.join(', ')}] says; nest it by its shape, or send its values flat`,
    );
  // Never deeper than the shape: a remaining array is not a value and is refused below.
  const flat = tensor.data.flat(shape.length) as unknown[];
  if (flat.length !== elements(tensor)) {
    throw new ProtocolError(`tensor ${name} has ${flat.length} values for shape [${shape.join(', ')}], which holds ${elements(tensor)}`);
  }
  const wanted = datatype === 'BYTES' ? 'string' : 'number';
  if (flat.some((value) => typeof value !== wanted)) throw new ProtocolError(`tensor ${name} is ${datatype} and must hold ${wanted}s only`);
  if (datatype === 'BYTES') return { name, datatype, shape, data: flat as string[] };
  if (datatype === 'FP32') return { name, datatype, shape, data: Float32Array.from(flat as number[]) };
  if (!flat.every(Number.isSafeInteger)) throw new ProtocolError(`tensor ${name} is INT64 and must hold whole numbers only`);
  return { name, datatype, shape, data: BigInt64Array.from(flat as number[], BigInt) };
}

function fromBinary(tensor: JsonTensor, bytes: Uint8Array): Tensor {
  const { name, shape, datatype } = tensor;
  const count = elements(tensor);
  if (datatype === 'BYTES') return { name, datatype, shape, data: elementsOf(name, bytes, count) };
  const width = datatype === 'FP32' ? 4 : 8;
  if (bytes.byteLength !== width * count) {
    throw new ProtocolError(`tensor ${name} has ${bytes.byteLength} bytes for shape [${shape.join(', ')}], which needs ${width * count}`);
  }
  if (datatype === 'FP32') return { name, datatype, shape, data: float32Of(bytes) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { name, datatype, shape, data: BigInt64Array.from({ length: count }, (_, i) => view.getBigInt64(8 * i, true)) };
}

/** Returns bytes as little-endian float32, the order of every machine that this runs on: as a view, or as a copy if they are not aligned. */
export function float32Of(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

function elementsOf(name: string, bytes: Uint8Array, count: number): BytesElement[] {
  if (count > MAX_ELEMENTS)
    throw new ProtocolError(`tensor ${name} has ${count} BYTES elements by its shape; at most ${MAX_ELEMENTS} are allowed`, 'count');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const items: BytesElement[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const length = at + 4 <= bytes.byteLength ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.byteLength) throw new ProtocolError(`tensor ${name}: a BYTES element reaches beyond the tensor's bytes`);
    if (items.length === count) throw new ProtocolError(`tensor ${name} has more BYTES elements than its shape holds, ${count}`);
    items.push(textOrBytes(utf8, bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  if (items.length !== count) throw new ProtocolError(`tensor ${name} has ${items.length} BYTES elements; its shape holds ${count}`);
  return items;
}

function textOrBytes(utf8: TextDecoder, bytes: Uint8Array): BytesElement {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes;
  }
}

function safeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ProtocolError(`${value} can't be written as a JSON number`);
  return number;
}

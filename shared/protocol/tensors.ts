import { BINARY_HEADER, type BytesElement, type JsonTensor, ProtocolError, type Tensor } from './inference-protocol.ts';

/** The most elements of a binary BYTES tensor; five megabytes could hold a million. */
const MAX_ELEMENTS = 4096;

/**
 * Reads the tensors of a message from its JSON part and the bytes that follow it.
 *
 * @param tensors `inputs` of a request or `outputs` of a response
 * @param binary what comes after the JSON part; empty without the extension
 * @throws ProtocolError if a tensor's data is missing, of the wrong count, or left over
 */
export function readTensors(tensors: readonly JsonTensor[], binary: Uint8Array): Tensor[] {
  let offset = 0;
  const read = tensors.map((tensor) => {
    const size = tensor.parameters?.binary_data_size ?? null;
    if (size === null) return fromJson(tensor);
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || offset + size > binary.byteLength) {
      throw new ProtocolError(
        `tensor ${tensor.name}: binary_data_size ${JSON.stringify(size).slice(0, 100)} does not fit the ` +
          `${binary.byteLength - offset} bytes that follow`,
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
  return bytesOfFloats(tensor.data);
}

/** Returns a view of the bytes of numbers. */
export const bytesOfFloats = ({ buffer, byteOffset, byteLength }: Float32Array | BigInt64Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

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

/** Encodes a message: its JSON part, followed by binary tensors if there are any. @returns the body and the headers that describe it */
export function encodeMessage(
  json: object,
  binary: readonly Uint8Array[] = [],
): { body: Uint8Array<ArrayBuffer>; headers: Record<string, string> } {
  const head = new TextEncoder().encode(JSON.stringify(json));
  if (binary.length === 0) return { body: head, headers: { 'content-type': 'application/json' } };
  const headers = { 'content-type': 'application/octet-stream', [BINARY_HEADER]: String(head.byteLength) };
  return { body: concatBytes([head, ...binary]), headers };
}

/** Concatenates bytes. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/** Returns bytes as float32, little-endian as on every machine that this runs on: a view, or a copy if they are not aligned. */
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

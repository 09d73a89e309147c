import * as z from 'zod';
import { parsePlainJson, TooManyValuesError } from './plain-json.ts';

/**
 * The part of the Open Inference Protocol v2 (of KServe, Triton and MLServer) that Portcullis speaks: an inference
 * request and answer, with JSON tensors or with the binary tensor extension (header `Inference-Header-Content-Length`).
 */

export const BINARY_HEADER = 'Inference-Header-Content-Length';

const MAX_DIMENSIONS = 8;
const MAX_TENSORS = 16;
/** Limits a name, which may be repeated in messages to the client. */
const MAX_NAME = 256;
/** Limits an id, which is repeated in answers and forwarded by the guard. */
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
const described = jsonTensor.extend({ shape: z.array(z.int().nonnegative()).max(MAX_DIMENSIONS) }).meta({ id: 'InferenceTensor' });
export const describedInferRequest = inferRequestSchema
  .extend({
    inputs: z.array(described).min(1).max(MAX_TENSORS),
    outputs: z
      .array(z.object({ name: z.string(), parameters }).meta({ id: 'RequestedOutput' }))
      .max(MAX_TENSORS)
      .nullish(),
  })
  .meta({ id: 'InferenceRequest' });

export const inferResponseSchema = z.object({
  id: z.string().nullish(),
  model_name: z.string(),
  model_version: z.string().nullish(),
  parameters,
  outputs: shortList(jsonTensor, 0, MAX_TENSORS),
});

export const describedInferResponse = inferResponseSchema.extend({ outputs: z.array(described) }).meta({ id: 'InferenceResponse' });

/** An error of the protocol. */
export const inferErrorSchema = z.object({ error: z.string() }).meta({ id: 'InferenceError' });

/** An element of a BYTES tensor: text, or bytes if they are not UTF-8, such as those of an image file. */
export type BytesElement = string | Uint8Array;

/** A tensor with its values flat, in row-major order. FP32 → Float32Array, INT64 → BigInt64Array, BYTES → a list. */
export type Tensor =
  | { name: string; datatype: 'FP32'; shape: number[]; data: Float32Array }
  | { name: string; datatype: 'INT64'; shape: number[]; data: BigInt64Array }
  | { name: string; datatype: 'BYTES'; shape: number[]; data: BytesElement[] };

/** The part that does not fit: the form of the message, the number of images, their size, or a value. */
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

/** A tensor as it stands in the JSON part of a message. */
export type JsonTensor = z.infer<typeof jsonTensor>;

/**
 * Splits a body into its JSON part and the binary part.
 *
 * @param headerLength the value of `Inference-Header-Content-Length`, or null if the body is all JSON
 * @param maxValues how many values the JSON may hold
 * @throws ProtocolError if the length does not fit or the JSON can't be parsed
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

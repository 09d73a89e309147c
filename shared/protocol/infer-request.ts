import * as z from 'zod';
import type { Screening } from '../bundle/screening-schema.ts';
import { inferRequestSchema, ProtocolError, splitBody, type Tensor } from './inference-protocol.ts';
import { binaryOf, jsonOf, readTensors } from './tensors.ts';

export type FloatTensor = Extract<Tensor, { datatype: 'FP32' }>;

/** An inference request with its tensors. */
export interface InferRequest {
  /** The JSON part, which follows the schema. */
  json: unknown;
  id?: string;
  /** The parameters of the request as a whole. */
  parameters: Record<string, unknown>;
  inputs: Tensor[];
  /** The wanted outputs, in the order of the answer. */
  outputs: { name: string; binary: boolean }[];
}

/**
 * Reads an inference request, JSON or with the binary extension.
 *
 * @param headerLength the value of `Inference-Header-Content-Length`
 * @param names the outputs that exist; null if only another server knows them
 * @param maxValues how many values its JSON may hold
 * @throws ProtocolError naming what is allowed
 */
export function readInferRequest(
  body: Uint8Array,
  headerLength: string | null,
  names: readonly string[] | null,
  maxValues: number,
): InferRequest {
  if (body.byteLength === 0) throw new ProtocolError('the body is empty; an inference request is needed');
  const { json, binary } = splitBody(body, headerLength, maxValues);
  const parsed = inferRequestSchema.safeParse(json);
  if (!parsed.success) throw new ProtocolError(`the request does not follow the protocol: ${z.prettifyError(parsed.error)}`);
  const { id, inputs, outputs } = parsed.data;
  const parameters = parsed.data.parameters ?? {};
  const allBinary = parameters.binary_data_output === true;
  const wanted = outputs?.length ? outputs : (names ?? []).map((name) => ({ name, parameters: undefined }));
  for (const { name } of wanted)
    if (names && !names.includes(name)) throw new ProtocolError(`there is no output ${name}; there are ${names.join(', ')}`);
  return {
    json,
    ...(typeof id === 'string' ? { id } : {}),
    parameters,
    inputs: readTensors(inputs, binary),
    outputs: wanted.map((output) => ({ name: output.name, binary: (output.parameters?.binary_data ?? allBinary) === true })),
  };
}

/**
 * Returns the one input that a model of images takes.
 *
 * @returns `image`, [N, H, W, C], N at least 1, all values in [0, 1]
 * @throws ProtocolError
 */
export function imageInput(tensors: readonly Tensor[], { height, width, channels }: Screening['input'], maxImages: number): FloatTensor {
  const [tensor] = tensors;
  if (tensors.length !== 1 || tensor?.name !== 'image' || tensor.datatype !== 'FP32')
    throw new ProtocolError('one input is needed: image, FP32');
  const [n, ...shape] = tensor.shape;
  if (String(shape) !== String([height, width, channels]) || n === undefined || n < 1) {
    throw new ProtocolError(
      `image has shape [${tensor.shape.join(', ')}]; [N, ${height}, ${width}, ${channels}] is needed, N at least 1`,
      'size',
    );
  }
  if (n > maxImages)
    throw new ProtocolError(`image holds ${n} images; at most ${maxImages} are allowed in a request. Send several requests.`, 'count');
  const odd = tensor.data.findIndex((value) => !(value >= 0 && value <= 1));
  if (odd >= 0) throw new ProtocolError(`value ${odd} of image is ${tensor.data[odd]}; every value must be a number in [0, 1]`, 'value');
  return tensor;
}

/**
 * Makes the answer to an inference request.
 *
 * @param tensors by their names, at least those that were asked for
 * @returns the JSON part and the binary tensors that follow it, none if no output was asked for in binary
 */
export function inferAnswer(
  tensors: Record<string, Tensor>,
  { id, outputs }: Pick<InferRequest, 'id' | 'outputs'>,
  { model, version }: { model: string; version: string },
) {
  const binary: Uint8Array[] = [];
  const answered = outputs.map((output) => {
    const tensor = tensors[output.name] as Tensor;
    if (!output.binary) return jsonOf(tensor);
    const bytes = binaryOf(tensor);
    binary.push(bytes);
    const { name, datatype, shape } = tensor;
    return { name, datatype, shape, parameters: { binary_data_size: bytes.byteLength } };
  });
  return { json: { ...(id === undefined ? {} : { id }), model_name: model, model_version: version, outputs: answered }, binary };
}

const INFER_TYPES = ['application/json', 'application/octet-stream'];

/**
 * Checks the content type of an inference request. The length header says whether binary tensors follow the JSON, not the type:
 * tritonclient's asyncio client sends JSON alone as application/octet-stream.
 *
 * @param contentType empty if the request has none, like those of tritonclient and KServe's client
 * @returns what is wrong with it, or null if nothing is
 */
export function inferContentProblem(contentType: string): string | null {
  const given = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (given === '' || INFER_TYPES.includes(given)) return null;
  return `content-type is ${given.slice(0, 100)}; ${INFER_TYPES.join(' or ')} is needed`;
}

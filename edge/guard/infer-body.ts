import type { z } from 'zod';
import { BINARY_HEADER, binaryOf, type inferRequestSchema, jsonOf, type Tensor } from '../../shared/protocol/inference-protocol.ts';
import { base64Of, type Forwarded, type ForwardRules, forwardedPng, type Passing } from './forwarded.ts';

type InferRequest = z.infer<typeof inferRequestSchema>;

/** An inference request that was read: its JSON, which holds only what may be forwarded (forwardable-request.ts), and its one input. */
export interface InferGiven {
  json: InferRequest;
  input: Tensor;
}

/**
 * Makes a new inference request from the accepted images only: the client's id, parameters and outputs, and one input. That holds PNGs in place of
 * the files, as text or bytes like these (always as text with `UPSTREAM_TENSORS=json`), or the numbers that were screened.
 */
export function inferBody({ json, input }: InferGiven, passing: readonly Passing[], rules: ForwardRules): Forwarded {
  const given = json.inputs[0] as InferRequest['inputs'][number];
  const { binary_data_size: binarySize, ...parameters } = withoutNull(given.parameters);
  const isBinary = binarySize !== undefined && rules.config.UPSTREAM_TENSORS === 'as-sent';
  const tensor = tensorOf(input, passing, rules, isBinary);
  const bytes = isBinary ? binaryOf(tensor) : new Uint8Array(0);
  const { name, datatype, shape } = tensor;
  const content = isBinary
    ? { parameters: { ...parameters, binary_data_size: bytes.byteLength } }
    : { ...jsonOf(tensor), ...withParameters(parameters) };
  const request = {
    ...(json.id ? { id: json.id } : {}),
    ...withParameters(withoutNull(json.parameters)),
    inputs: [{ name, datatype, shape, ...content }],
    ...(json.outputs
      ? { outputs: json.outputs.map((output) => ({ name: output.name, ...withParameters(withoutNull(output.parameters)) })) }
      : {}),
  };
  const head = new TextEncoder().encode(JSON.stringify(request));
  if (!isBinary) return { body: head, headers: { 'content-type': 'application/json' } };
  const body = new Uint8Array(head.byteLength + bytes.byteLength);
  body.set(head);
  body.set(bytes, head.byteLength);
  return { body, headers: { 'content-type': 'application/octet-stream', [BINARY_HEADER]: String(head.byteLength) } };
}

/** Makes the input from the accepted images alone. */
function tensorOf(input: Tensor, passing: readonly Passing[], rules: ForwardRules, isBinary: boolean): Tensor {
  const [, ...each] = input.shape;
  const shape = [passing.length, ...each];
  if (input.datatype === 'BYTES') {
    const data = passing.map(({ place, image }) => {
      const png = forwardedPng(image, rules);
      return isBinary && typeof input.data[place] !== 'string' ? png : base64Of(png);
    });
    return { name: input.name, datatype: 'BYTES', shape, data };
  }
  const size = passing[0]?.image.tensor.length ?? 0;
  const data = new Float32Array(passing.length * size);
  passing.forEach(({ image }, i) => {
    data.set(image.tensor, i * size);
  });
  return { name: input.name, datatype: 'FP32', shape, data };
}

const withoutNull = (parameters: Record<string, unknown> | null | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(parameters ?? {}).filter(([, value]) => value !== null));

/** Returns the member `parameters`, or nothing if there are none. */
const withParameters = (parameters: Record<string, unknown>) => (Object.keys(parameters).length > 0 ? { parameters } : {});

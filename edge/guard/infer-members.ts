import type { z } from 'zod';
import type { inferRequestSchema } from '../../shared/protocol/inference-protocol.ts';

/** MLServer's codecs that do not change what a tensor means. */
const CODECS: unknown[] = ['np', 'base64', 'str'];

/** Members of an inference request that are forwarded, by part. KServe's client adds `model_name`; the path decides. */
const FORWARDED = {
  request: ['id', 'model_name', 'parameters', 'inputs', 'outputs'],
  "request's parameters": ['binary_data_output', 'timeout', 'priority', 'content_type'],
  input: ['name', 'datatype', 'shape', 'parameters', 'data'],
  "input's parameters": ['binary_data_size', 'content_type'],
  output: ['name', 'parameters'],
  "output's parameters": ['binary_data', 'classification'],
};

/** The longest string that a parameter may have. */
const LONGEST_VALUE = 256;

/**
 * Says what in an inference request may not be forwarded: a server that knows more than the protocol (shared memory in place of data,
 * another codec, a second input) would look at something that was not screened.
 *
 * @param json a request that follows the schema
 * @param compared whether the answer's label is compared with the screen's; the client may then not choose the outputs
 * @returns null if nothing is wrong
 */
export function requestProblem(json: unknown, compared: boolean): string | null {
  const request = json as z.infer<typeof inferRequestSchema>;
  const { inputs } = request;
  const [outputs, parameters] = [request.outputs ?? [], request.parameters ?? {}];
  const [input, ...others] = inputs as [(typeof inputs)[number], ...typeof inputs];
  if (others.length > 0) return `it has ${inputs.length} inputs; one is needed: image, FP32 [N, H, W, C], or file, BYTES [N]`;
  if ((input.data ?? null) !== null && (input.parameters?.binary_data_size ?? null) !== null)
    return 'its input has data both in the JSON and after it; only one of the two is allowed';
  if (compared && ((request.outputs ?? null) !== null || (parameters.binary_data_output ?? null) !== null))
    return (
      "it chooses outputs, or binary ones; these can't be chosen here, because the answer is compared with the screen's " +
      '(AGREEMENT_POINTER). Leave out outputs and binary_data_output'
    );
  for (const { content_type: contentType } of [parameters, input.parameters ?? {}])
    if (!CODECS.includes(contentType ?? 'np')) return `its content_type is another codec; only ${CODECS.join(', ')} are allowed`;
  const parts = [
    ...partAndParameters('request', request),
    ...partAndParameters('input', input),
    ...outputs.flatMap((output) => partAndParameters('output', output)),
  ];
  for (const [part, object] of parts) {
    const other = Object.keys(object ?? {}).find((name) => !FORWARDED[part].includes(name));
    const where = part === 'request' ? 'top level' : part;
    if (other !== undefined)
      return `its ${where} has ${JSON.stringify(other.slice(0, 100))}; only ${FORWARDED[part].join(', ')} are forwarded`;
    const [wrong] = part.endsWith('parameters') ? (Object.entries(object ?? {}).find(([, value]) => !isPlain(value)) ?? []) : [];
    if (wrong !== undefined)
      return `its ${part.slice(0, -1)} ${wrong} is not a number, a boolean or a string of at most ${LONGEST_VALUE} characters`;
  }
  return null;
}

function partAndParameters(part: 'request' | 'input' | 'output', object: { parameters?: object | null | undefined }) {
  return [[part, object] as const, [`${part}'s parameters`, object.parameters] as const] as const;
}

/** Says whether a parameter is a string, a number or a boolean, as in the protocol: a list or an object could be data. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= LONGEST_VALUE;
  return value === null || typeof value === 'number' || typeof value === 'boolean';
}

import type { z } from 'zod';
import type { inferRequestSchema } from '../../shared/inference-protocol.ts';

/** MLServer's ways to decode a tensor that leave it what it is. */
const CODECS: unknown[] = ['np', 'base64', 'str'];

/** Members that a part of an inference request may have where it is passed on. `model_name` is what KServe's client adds; the path decides. */
const PASSED_ON = {
  request: ['id', 'model_name', 'parameters', 'inputs', 'outputs'],
  "request's parameters": ['binary_data_output', 'timeout', 'priority', 'content_type'],
  input: ['name', 'datatype', 'shape', 'parameters', 'data'],
  "input's parameters": ['binary_data_size', 'content_type'],
  output: ['name', 'parameters'],
  "output's parameters": ['binary_data', 'classification'],
};

/** The longest text that a parameter may have. */
const LONGEST_VALUE = 256;

/**
 * Says what of an inference request may not be passed on: a server that knows more than the protocol (shared memory in place of data, another way to decode, a
 * second input) would look at something that was not screened.
 *
 * @param json one that follows the schema
 * @param compared whether the answer's label is compared with the screen's: then the client may not choose what is answered
 * @returns null where nothing is wrong
 */
export function passedOnProblem(json: unknown, compared: boolean): string | null {
  const request = json as z.infer<typeof inferRequestSchema>;
  const { inputs } = request;
  const [outputs, parameters] = [request.outputs ?? [], request.parameters ?? {}];
  const [input, ...others] = inputs as [(typeof inputs)[number], ...typeof inputs];
  if (others.length > 0) return `it has ${inputs.length} inputs; one is needed: image, FP32 [N, H, W, C], or file, BYTES [N]`;
  if ((input.data ?? null) !== null && (input.parameters?.binary_data_size ?? null) !== null)
    return 'its input has data in the JSON and behind it; one of the two is allowed';
  if (compared && ((request.outputs ?? null) !== null || (parameters.binary_data_output ?? null) !== null))
    return "it chooses outputs, or binary ones; where the answer is compared with the screen's (AGREEMENT_POINTER) they can't be chosen. Leave outputs and binary_data_output away";
  for (const { content_type: contentType } of [parameters, input.parameters ?? {}])
    if (!CODECS.includes(contentType ?? 'np')) return `its content_type is another way to decode; only ${CODECS.join(', ')} are allowed`;
  return (
    otherMember('request', request) ??
    wrongParameter('request', parameters) ??
    otherMember('input', input) ??
    wrongParameter('input', input.parameters) ??
    outputs
      .map((output) => otherMember('output', output) ?? wrongParameter('output', output.parameters))
      .find((problem) => problem !== null) ??
    null
  );
}

/** The protocol knows texts, numbers and booleans; a list or an object could be data. */
function wrongParameter(part: 'request' | 'input' | 'output', parameters: object | null = {}): string | null {
  const isPlain = (value: unknown) =>
    value === null ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    (typeof value === 'string' && value.length <= LONGEST_VALUE);
  const wrong = Object.entries(parameters ?? {}).find(([, value]) => !isPlain(value));
  return (
    otherMember(`${part}'s parameters`, parameters) ??
    (wrong ? `its ${part}'s parameter ${wrong[0]} is not a number, a boolean or a text of at most ${LONGEST_VALUE} characters` : null)
  );
}

function otherMember(part: keyof typeof PASSED_ON, object: object | null = {}): string | null {
  const other = Object.keys(object ?? {}).find((name) => !PASSED_ON[part].includes(name));
  return other === undefined
    ? null
    : `its ${part === 'request' ? 'top level' : part} has ${JSON.stringify(other.slice(0, 100))}; only ${PASSED_ON[part].join(', ')} are passed on`;
}

import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type GraphOutputs, OutputError, outputOf } from '../shared/decision/scores.ts';
import { type InferRequest, inferAnswer } from '../shared/protocol/infer-request.ts';
import type { Tensor } from '../shared/protocol/inference-protocol.ts';

/** Results of a search for N images: the outputs of reclassify.onnx. */
export interface SearchResult {
  label: BigInt64Array;
  /** [N, d] flat */
  latent: Float32Array;
  latentDistance: Float32Array;
  reconstructionError: Float32Array;
  /** Best other class and its error; -1 and 0 from a graph of an older export, which does not have them: then there is no margin. */
  runnerUp: BigInt64Array;
  runnerUpError: Float32Array;
  modelId: string[];
}

type Values = SearchResult[keyof SearchResult];

/** Outputs in the order in which the protocol lists them: key of a `SearchResult`, name, datatype. */
const OUTPUTS = [
  ['label', 'label', 'INT64'],
  ['latent', 'latent', 'FP32'],
  ['latentDistance', 'latent_distance', 'FP32'],
  ['reconstructionError', 'reconstruction_error', 'FP32'],
  ['runnerUp', 'runner_up', 'INT64'],
  ['runnerUpError', 'runner_up_error', 'FP32'],
  ['modelId', 'model_id', 'BYTES'],
] as const;

export const OUTPUT_NAMES = OUTPUTS.map(([, name]) => name);

const TYPES = { INT64: BigInt64Array, FP32: Float32Array, BYTES: Array };

const shapeOf = (name: string, count: number, { latentDim }: Pick<Screening, 'latentDim'>) =>
  name === 'latent' ? [count, latentDim] : [count];

/** Describes the outputs as the protocol does; -1 is the number of images. */
export function outputsMetadata(screening: Pick<Screening, 'latentDim'>) {
  return OUTPUTS.map(([, name, datatype]) => ({ name, datatype, shape: shapeOf(name, -1, screening) }));
}

/**
 * Reads the outputs of reclassify.onnx for `count` images.
 *
 * @throws OutputError if one is missing, has another length, or holds a value that is not finite
 */
export function readOutputs(outputs: GraphOutputs, count: number): SearchResult {
  const latentLength = count * Math.floor(((outputs.latent?.data as Float32Array | undefined)?.length ?? 0) / count);
  const read = ([key, name, datatype]: (typeof OUTPUTS)[number]): [string, Values] => {
    if (name.startsWith('runner_up') && !outputs[name])
      return [key, datatype === 'INT64' ? new BigInt64Array(count).fill(-1n) : new Float32Array(count)];
    const values = outputOf<Values>('reclassify', outputs, name, TYPES[datatype], name === 'latent' ? latentLength : count);
    if (values.length === 0 || (values instanceof Float32Array && !values.every(Number.isFinite)))
      throw new OutputError(`reclassify answers ${name} with a value that is not finite`);
    return [key, values];
  };
  return Object.fromEntries(OUTPUTS.map(read)) as unknown as SearchResult;
}

/** Returns the JSON part of the answer to a request and the binary tensors that follow it. */
export function answerOf(result: SearchResult, request: InferRequest, screening: Screening) {
  const tensors = OUTPUTS.map(([key, name, datatype]) => {
    const shape = shapeOf(name, result.label.length, screening);
    return [name, { name, datatype, shape, data: result[key] } as Tensor];
  });
  return inferAnswer(Object.fromEntries(tensors), request, { model: 'reclassify', version: screening.id });
}

/** Returns images [first, first + count) of a batch's result. */
export function sliceResult(result: SearchResult, first: number, count: number): SearchResult {
  const n = result.label.length;
  return mapResult(result, (values) => values.slice((first * values.length) / n, ((first + count) * values.length) / n));
}

/** Joins the results of a request's parts, in the order of its images. */
export function joinResults(parts: readonly SearchResult[]): SearchResult {
  const [first] = parts as [SearchResult];
  if (parts.length === 1) return first;
  return mapResult(first, (values, key) => {
    const all = parts.flatMap((part): (string | number | bigint)[] => [...part[key]]);
    if (values instanceof Float32Array) return Float32Array.from(all as number[]);
    return values instanceof BigInt64Array ? BigInt64Array.from(all as bigint[]) : (all as string[]);
  });
}

function mapResult(result: SearchResult, change: (values: Values, key: keyof SearchResult) => Values): SearchResult {
  const entries = OUTPUTS.map(([key]) => [key, change(result[key], key)]);
  return Object.fromEntries(entries) as unknown as SearchResult;
}

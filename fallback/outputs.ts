import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type GraphOutputs, OutputError, outputOf } from '../shared/decision/scores.ts';
import { type InferRequest, inferAnswer } from '../shared/protocol/infer-request.ts';
import type { Tensor } from '../shared/protocol/inference-protocol.ts';
import { GRAPH_SCORES, OPTIONAL_GRAPH_SCORES, type OptionalGraphScore, type RequiredScore, SCORES } from '../shared/score-table.ts';

/** Results of a search for N images: the outputs of reclassify.onnx. */
export interface SearchResult extends Record<RequiredScore, Float32Array>, Partial<Record<OptionalGraphScore, Float32Array>> {
  label: BigInt64Array;
  /** [N, d] flat */
  latent: Float32Array;
  /** Best other class and its error; from a graph of an older export, which does not have them, -1 and the winner's error: a margin of 1. */
  runnerUp: BigInt64Array;
  runnerUpError: Float32Array;
  modelId: string[];
}

type Values = NonNullable<SearchResult[keyof SearchResult]>;

/** Outputs in the order in which the protocol lists them: key of a `SearchResult`, name, datatype. */
const OUTPUTS: readonly (readonly [keyof SearchResult, string, keyof typeof TYPES])[] = [
  ['label', 'label', 'INT64'],
  ['latent', 'latent', 'FP32'],
  ...GRAPH_SCORES.map((name) => [name, SCORES[name].from, 'FP32'] as const),
  ['runnerUp', 'runner_up', 'INT64'],
  ['runnerUpError', 'runner_up_error', 'FP32'],
  ['modelId', 'model_id', 'BYTES'],
];

const TYPES = { INT64: BigInt64Array, FP32: Float32Array, BYTES: Array };

const shapeOf = (name: string, count: number, { latentDim }: Pick<Screening, 'latentDim'>) =>
  name === 'latent' ? [count, latentDim] : [count];

/** Returns an optional score's name; undefined for another output. */
const optionalScoreOf = (key: keyof SearchResult) => OPTIONAL_GRAPH_SCORES.find((name) => name === key);

/** Describes the outputs as the protocol does; -1 is the number of images. */
export function outputsMetadata(screening: Pick<Screening, 'latentDim' | 'golden'>) {
  const answered = OUTPUTS.filter(([key]) => {
    const score = optionalScoreOf(key);
    return !score || screening.golden[score] !== undefined;
  });
  return answered.map(([, name, datatype]) => ({ name, datatype, shape: shapeOf(name, -1, screening) }));
}

/**
 * Reads the outputs of reclassify.onnx for `count` images.
 *
 * @throws OutputError if one that every graph has is missing, or one has another length, or holds a value that is not finite
 */
export function readOutputs(outputs: GraphOutputs, count: number): SearchResult {
  const latentLength = count * Math.floor(((outputs.latent?.data as Float32Array | undefined)?.length ?? 0) / count);
  const read = ([key, name, datatype]: (typeof OUTPUTS)[number]): [string, Values][] => {
    if (optionalScoreOf(key) && !outputs[name]) return [];
    if (name.startsWith('runner_up') && !outputs[name])
      return datatype === 'INT64' ? [[key, new BigInt64Array(count).fill(-1n)]] : read([key, 'reconstruction_error', datatype]);
    const values = outputOf<Values>('reclassify', outputs, name, TYPES[datatype], name === 'latent' ? latentLength : count);
    if (values.length === 0 || (values instanceof Float32Array && !values.every(Number.isFinite)))
      throw new OutputError(`reclassify answers ${name} with a value that is not finite`);
    return [[key, values]];
  };
  return Object.fromEntries(OUTPUTS.flatMap(read)) as unknown as SearchResult;
}

/** Returns the JSON part of the answer to a request and the binary tensors that follow it. */
export function answerOf(result: SearchResult, request: InferRequest, screening: Screening) {
  const tensors = OUTPUTS.filter(([key]) => result[key]).map(([key, name, datatype]) => {
    const shape = shapeOf(name, result.label.length, screening);
    return [name, { name, datatype, shape, data: result[key] } as Tensor];
  });
  return inferAnswer(Object.fromEntries(tensors), request, { model: 'reclassify', version: screening.id });
}

/** Returns the result for image `i` of a batch. */
export function resultOf(result: SearchResult, i: number): SearchResult {
  const n = result.label.length;
  return mapResult(result, (values) => values.slice((i * values.length) / n, ((i + 1) * values.length) / n));
}

/** Joins the results of single images. */
export function joinResults(parts: readonly SearchResult[]): SearchResult {
  const [first] = parts as [SearchResult];
  if (parts.length === 1) return first;
  return mapResult(first, (values, key) => {
    const all = parts.flatMap((part): (string | number | bigint)[] => [...(part[key] as Values)]);
    if (values instanceof Float32Array) return Float32Array.from(all as number[]);
    return values instanceof BigInt64Array ? BigInt64Array.from(all as bigint[]) : (all as string[]);
  });
}

function mapResult(result: SearchResult, change: (values: Values, key: keyof SearchResult) => Values): SearchResult {
  const entries = OUTPUTS.filter(([key]) => result[key]).map(([key]) => [key, change(result[key] as Values, key)]);
  return Object.fromEntries(entries) as unknown as SearchResult;
}

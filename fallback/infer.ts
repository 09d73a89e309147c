import type { Screening } from '../shared/bundle/screening-schema.ts';
import { type FloatTensor, type InferRequest, imageInput, inferAnswer, readInferRequest } from '../shared/protocol/infer-request.ts';
import { ProtocolError, type Tensor } from '../shared/protocol/inference-protocol.ts';
import { mostJsonValues } from '../shared/protocol/plain-json.ts';
import type { SearchResult } from './search-result.ts';

/** What `reclassify` answers, as the protocol describes it; -1 is the number of images. */
export function outputsMetadata({ latentDim }: Pick<Screening, 'latentDim'>) {
  return [
    { name: 'label', datatype: 'INT64', shape: [-1] },
    { name: 'latent', datatype: 'FP32', shape: [-1, latentDim] },
    { name: 'latent_distance', datatype: 'FP32', shape: [-1] },
    { name: 'reconstruction_error', datatype: 'FP32', shape: [-1] },
    { name: 'runner_up', datatype: 'INT64', shape: [-1] },
    { name: 'runner_up_error', datatype: 'FP32', shape: [-1] },
    { name: 'model_id', datatype: 'BYTES', shape: [-1] },
  ];
}

/** A request to reclassify. */
export interface ReclassifyRequest extends InferRequest {
  /** [N, H, W, C] in [0, 1] */
  image: FloatTensor;
  /** In how many ms it must have begun; undefined where the caller does not say. */
  timeoutMs?: number;
}

/** What of a bundle a request is read by. */
export type ReadBy = Pick<Screening, 'input' | 'latentDim'>;

/** @throws ProtocolError naming what is allowed, before any search */
export function readRequest(body: Uint8Array, headerLength: string | null, screening: ReadBy, maxImages: number): ReclassifyRequest {
  const names = outputsMetadata(screening).map(({ name }) => name);
  const request = readInferRequest(body, headerLength, names, mostJsonValues(screening.input, maxImages));
  const timeoutMs = timeoutOf(request);
  return { ...request, ...(timeoutMs ? { timeoutMs } : {}), image: imageInput(request.inputs, screening.input, maxImages) };
}

/** The parameter `timeout` is in microseconds, and 0 says nothing, as Triton has it (its schedule policy extension). */
function timeoutOf({ parameters }: InferRequest): number {
  const timeout = parameters.timeout ?? 0;
  if (!Number.isSafeInteger(timeout) || (timeout as number) < 0)
    throw new ProtocolError(`parameter timeout is ${JSON.stringify(timeout)}; a whole number of microseconds is needed, such as 2000000`);
  return (timeout as number) / 1000;
}

/** The answer's JSON part and what follows it. */
export function answerOf(result: SearchResult, request: InferRequest, { id: version, latentDim }: Screening) {
  const n = result.label.length;
  const tensors: Record<string, Tensor> = {
    label: { name: 'label', datatype: 'INT64', shape: [n], data: result.label },
    latent: { name: 'latent', datatype: 'FP32', shape: [n, latentDim], data: result.latent },
    latent_distance: { name: 'latent_distance', datatype: 'FP32', shape: [n], data: result.latentDistance },
    reconstruction_error: { name: 'reconstruction_error', datatype: 'FP32', shape: [n], data: result.reconstructionError },
    runner_up: { name: 'runner_up', datatype: 'INT64', shape: [n], data: result.runnerUp },
    runner_up_error: { name: 'runner_up_error', datatype: 'FP32', shape: [n], data: result.runnerUpError },
    model_id: { name: 'model_id', datatype: 'BYTES', shape: [n], data: result.modelId },
  };
  return inferAnswer(tensors, request, { model: 'reclassify', version });
}

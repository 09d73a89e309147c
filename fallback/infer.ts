import { z } from 'zod';
import { binaryOf, inferRequestSchema, jsonOf, ProtocolError, readTensors, splitBody, type Tensor } from '../shared/inference-protocol.ts';
import type { Screening } from '../shared/screening-schema.ts';
import type { SearchResult } from './search-thread.ts';

type FloatTensor = Extract<Tensor, { datatype: 'FP32' }>;

/** What `reclassify` answers, as the protocol describes it; -1 is the number of images. */
export function outputsMetadata({ latentDim }: Pick<Screening, 'latentDim'>) {
  return [
    { name: 'label', datatype: 'INT64', shape: [-1] },
    { name: 'latent', datatype: 'FP32', shape: [-1, latentDim] },
    { name: 'latent_distance', datatype: 'FP32', shape: [-1] },
    { name: 'reconstruction_error', datatype: 'FP32', shape: [-1] },
    { name: 'model_id', datatype: 'BYTES', shape: [-1] },
  ];
}

export interface InferRequest {
  id?: string;
  /** [N, H, W, C] in [0, 1] */
  image: FloatTensor;
  /** In the order of the answer. */
  outputs: { name: string; binary: boolean }[];
}

/**
 * Reads an inference request, JSON or with the binary extension, and checks all of it before any search.
 *
 * @throws ProtocolError naming what is allowed
 */
export function readInferRequest(body: Uint8Array, headerLength: string | null, screening: Screening, maxImages: number): InferRequest {
  const { json, binary } = splitBody(body, headerLength);
  const parsed = inferRequestSchema.safeParse(json);
  if (!parsed.success) throw new ProtocolError(`the request does not follow the protocol: ${z.prettifyError(parsed.error)}`);
  const { id, parameters, inputs, outputs } = parsed.data;
  const image = imageOf(readTensors(inputs, binary), screening.input, maxImages);
  const allBinary = parameters?.binary_data_output === true;
  const names = outputsMetadata(screening).map(({ name }) => name);
  const wanted = outputs?.length ? outputs : names.map((name) => ({ name, parameters: undefined }));
  for (const { name } of wanted)
    if (!names.includes(name)) throw new ProtocolError(`there is no output ${name}; there are ${names.join(', ')}`);
  return {
    ...(id === undefined ? {} : { id }),
    image,
    outputs: wanted.map((output) => ({ name: output.name, binary: (output.parameters?.binary_data ?? allBinary) === true })),
  };
}

/** The answer's JSON part and what follows it: nothing where no output was asked for in binary. */
export function inferAnswer(result: SearchResult, { id, outputs }: InferRequest, { id: version, latentDim }: Screening) {
  const n = result.label.length;
  const tensors: Record<string, Tensor> = {
    label: { name: 'label', datatype: 'INT64', shape: [n], data: result.label },
    latent: { name: 'latent', datatype: 'FP32', shape: [n, latentDim], data: result.latent },
    latent_distance: { name: 'latent_distance', datatype: 'FP32', shape: [n], data: result.latentDistance },
    reconstruction_error: { name: 'reconstruction_error', datatype: 'FP32', shape: [n], data: result.reconstructionError },
    model_id: { name: 'model_id', datatype: 'BYTES', shape: [n], data: result.modelId },
  };
  const binary: Uint8Array[] = [];
  const answered = outputs.map((output) => {
    const tensor = tensors[output.name] as Tensor;
    if (!output.binary) return jsonOf(tensor);
    const bytes = binaryOf(tensor);
    binary.push(bytes);
    const { name, datatype, shape } = tensor;
    return { name, datatype, shape, parameters: { binary_data_size: bytes.byteLength } };
  });
  return { json: { ...(id === undefined ? {} : { id }), model_name: 'reclassify', model_version: version, outputs: answered }, binary };
}

function imageOf(tensors: Tensor[], { height, width, channels }: Screening['input'], maxImages: number): FloatTensor {
  const [tensor] = tensors;
  if (tensors.length !== 1 || tensor?.name !== 'image' || tensor.datatype !== 'FP32')
    throw new ProtocolError('one input is needed: image, FP32');
  const [n, ...shape] = tensor.shape;
  if (String(shape) !== String([height, width, channels]) || n === undefined || n < 1) {
    throw new ProtocolError(`image has shape [${tensor.shape.join(', ')}]; [N, ${height}, ${width}, ${channels}] is needed, N at least 1`);
  }
  if (n > maxImages)
    throw new ProtocolError(`image holds ${n} images; at most ${maxImages} are allowed in a request. Send several requests.`);
  const odd = tensor.data.findIndex((value) => !(value >= 0 && value <= 1));
  if (odd >= 0) throw new ProtocolError(`value ${odd} of image is ${tensor.data[odd]}; every value must be a number in [0, 1]`);
  return tensor;
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { imagesOf } from '../../shared/decision/scores.ts';
import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { type InferRequest, imageInput, inferContentProblem, readInferRequest } from '../../shared/protocol/infer-request.ts';
import { BINARY_HEADER, ProtocolError, type Tensor } from '../../shared/protocol/inference-protocol.ts';
import { ProblemError } from '../problem.ts';
import { type ImageSource, imageSources, maxJsonValues, type ReadConfig } from './read-images.ts';

/** An inference request with its images. */
export interface InferImages {
  request: InferRequest;
  images: ImageSource[];
}

/**
 * Reads an inference request of the Open Inference Protocol v2.
 *
 * @param outputs the names of the outputs that exist; null if only another server knows them
 * @param check looks at the request before its images are read; returns what is wrong with it, or null
 * @throws ProblemError `unsupported-media-type`; ProtocolError
 */
export function readInferImages(
  headers: Headers,
  body: Uint8Array,
  screening: Screening,
  config: ReadConfig,
  outputs: readonly string[] | null,
  check: (json: unknown) => string | null = () => null,
): InferImages {
  const request = readInferRequest(body, headers.get(BINARY_HEADER), outputs, maxJsonValues(screening, config));
  const problem = check(request.json);
  if (problem) throw new ProtocolError(problem);
  return { request, images: imagesOfInputs(request.inputs, screening, config) };
}

/** Checks the content type of an inference request. @throws ProblemError `unsupported-media-type` */
export function checkInferType(headers: Headers, text = (wrong: string) => wrong): void {
  const wrong = inferContentProblem(headers.get('content-type') ?? '');
  if (wrong) throw new ProblemError('unsupported-media-type', text(wrong));
}

/**
 * Finds the images of an inference request: input `image`, FP32 [N, H, W, C], or `file`, BYTES [N] or [N, 1] (as MLServer's codecs shape
 * lists), each an image file as base64, or raw in a binary tensor. Each file that can't be read has its own problem.
 *
 * @throws ProtocolError if the tensors are neither
 */
function imagesOfInputs(inputs: readonly Tensor[], screening: Screening, config: ReadConfig): ImageSource[] {
  const [tensor] = inputs;
  if (inputs.length === 1 && tensor?.name === 'file' && tensor.datatype === 'BYTES') {
    const count = tensor.data.length;
    const [, ...inner] = tensor.shape;
    if (tensor.shape.length === 0 || count === 0 || (inner.length > 0 && String(inner) !== '1'))
      throw new ProtocolError(`file has the shape [${tensor.shape.join(', ')}]; [N] or [N, 1] is needed, N at least 1`);
    if (count > config.MAX_IMAGES)
      throw new ProtocolError(`file holds ${count} images; at most ${config.MAX_IMAGES} are allowed in a request`, 'count');
    const items = tensor.data.map((item) => (typeof item === 'string' ? { base64: item } : { file: item }));
    return imageSources(items, screening, config);
  }
  if (tensor?.name !== 'image')
    throw new ProtocolError(
      `one input is needed: image, FP32 [N, H, W, C], or file, BYTES [N], each a ${ANY_FORMAT} as base64 or, in a binary tensor, ` +
        'its raw bytes',
    );
  const { data } = imageInput(inputs, screening.input, config.MAX_IMAGES);
  return imagesOf(data, screening.input).map((values) => () => ({ values }));
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { imageInput } from '../../shared/protocol/infer-request.ts';
import { ProtocolError, type Tensor } from '../../shared/protocol/inference-protocol.ts';
import type { ProblemError } from '../problem.ts';
import { type ReadConfig, type ReadImage, readItems } from './read-images.ts';

/**
 * Reads the images of an inference request: input `image`, FP32 [N, H, W, C], or `file`, BYTES [N] or [N, 1] (as MLServer's codecs shape lists),
 * each an image file as base64, or raw in a binary tensor. Each file that can't be read has its own problem.
 *
 * @throws ProtocolError if the tensors are neither
 */
export async function inferImages(
  inputs: readonly Tensor[],
  screening: Screening,
  config: ReadConfig,
): Promise<(ReadImage | ProblemError)[]> {
  const [tensor] = inputs;
  if (inputs.length === 1 && tensor?.name === 'file' && tensor.datatype === 'BYTES') {
    const count = tensor.data.length;
    const [, ...inner] = tensor.shape;
    if (tensor.shape.length === 0 || count === 0 || (inner.length > 0 && String(inner) !== '1'))
      throw new ProtocolError(`file has the shape [${tensor.shape.join(', ')}]; [N] or [N, 1] is needed, N at least 1`);
    if (count > config.MAX_IMAGES)
      throw new ProtocolError(`file holds ${count} images; at most ${config.MAX_IMAGES} are allowed in a request`, 'count');
    return readItems(
      tensor.data.map((item) => (typeof item === 'string' ? { base64: item } : { file: item })),
      screening,
      config,
    );
  }
  if (tensor?.name !== 'image')
    throw new ProtocolError(
      `one input is needed: image, FP32 [N, H, W, C], or file, BYTES [N], each a ${ANY_FORMAT} as base64 or, in a binary tensor, its raw bytes`,
    );
  const { data, shape } = imageInput(inputs, screening.input, config.MAX_IMAGES);
  const size = data.length / (shape[0] as number);
  return Array.from({ length: shape[0] as number }, (_, i) => ({ tensor: data.slice(i * size, (i + 1) * size), picture: null }));
}

import { imageInput } from '../../shared/infer-request.ts';
import { ProtocolError, type Tensor } from '../../shared/inference-protocol.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { ProblemError } from '../problem.ts';
import { type ReadConfig, readItems } from './read-images.ts';

/**
 * The images of an inference request: input `image`, FP32 [N, H, W, C], or `file`, BYTES [N], each a PNG or JPEG as base64. Of files that can't be
 * read each has its own problem.
 *
 * @throws ProtocolError where the tensors are neither
 */
export async function inferImages(
  inputs: readonly Tensor[],
  screening: Screening,
  config: ReadConfig,
): Promise<(Float32Array | ProblemError)[]> {
  const [tensor] = inputs;
  if (inputs.length === 1 && tensor?.name === 'file' && tensor.datatype === 'BYTES') {
    const count = tensor.data.length;
    if (tensor.shape.length !== 1 || count === 0) throw new ProtocolError('file has a shape other than [N], N at least 1');
    if (count > config.MAX_IMAGES)
      throw new ProtocolError(`file holds ${count} images; at most ${config.MAX_IMAGES} are allowed in a request`, 'count');
    return readItems(
      tensor.data.map((base64) => ({ base64 })),
      screening,
      config,
    );
  }
  if (tensor?.name !== 'image')
    throw new ProtocolError('one input is needed: image, FP32 [N, H, W, C], or file, BYTES [N], each a PNG or JPEG as base64');
  const { data, shape } = imageInput(inputs, screening.input, config.MAX_IMAGES);
  const size = data.length / (shape[0] as number);
  return Array.from({ length: shape[0] as number }, (_, i) => data.slice(i * size, (i + 1) * size));
}

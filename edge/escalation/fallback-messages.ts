import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { isScore } from '../../shared/decision/decide.ts';
import { type Scores, scoresFromOutputs } from '../../shared/decision/scores.ts';
import type { Tensor } from '../../shared/protocol/inference-protocol.ts';
import { encodeMessage } from '../../shared/protocol/tensors.ts';
import type { Config } from '../config.ts';

/** More bytes than a request takes for everything but its values. */
const HEAD_BYTES = 512;
const BINARY_VALUE_BYTES = 4;
/** The most characters that JSON.stringify writes for a float32 in [0, 1], with its comma. */
const JSON_VALUE_BYTES = 25;

type Limits = Pick<Config, 'FALLBACK_TENSORS' | 'FALLBACK_MAX_BYTES' | 'FALLBACK_MAX_IMAGES'>;

/** Splits images into as few parts as the fallback's limits allow; a single image that is too large is a part all the same. */
export function partsOf(
  images: readonly Float32Array[],
  { FALLBACK_TENSORS, FALLBACK_MAX_BYTES, FALLBACK_MAX_IMAGES }: Limits,
): Float32Array[][] {
  const imageBytes = (images[0]?.length ?? 0) * (FALLBACK_TENSORS === 'binary' ? BINARY_VALUE_BYTES : JSON_VALUE_BYTES);
  const fitting = Math.floor((FALLBACK_MAX_BYTES - HEAD_BYTES) / imageBytes);
  const size = Math.max(1, Math.min(fitting, FALLBACK_MAX_IMAGES));
  return Array.from({ length: Math.ceil(images.length / size) }, (_, i) => images.slice(i * size, (i + 1) * size));
}

/**
 * Makes an inference request that reclassifies images; it asks for the answer as JSON.
 *
 * @param images each [H, W, C] in [0, 1]
 * @param microseconds the time after which its answer is of no use (Triton's schedule policy extension)
 */
export function fallbackRequest(
  images: readonly Float32Array[],
  { height, width, channels }: Screening['input'],
  { FALLBACK_TENSORS }: Pick<Limits, 'FALLBACK_TENSORS'>,
  microseconds: number,
): { body: Uint8Array<ArrayBuffer>; headers: Record<string, string> } {
  const parameters = { timeout: microseconds };
  const input = { name: 'image', datatype: 'FP32', shape: [images.length, height, width, channels] };
  if (FALLBACK_TENSORS === 'json')
    return encodeMessage({ parameters, inputs: [{ ...input, data: images.flatMap((image) => Array.from(image)) }] });
  const bytes = images.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  const size = bytes.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return encodeMessage(
    { parameters: { ...parameters, binary_data_output: false }, inputs: [{ ...input, parameters: { binary_data_size: size } }] },
    bytes,
  );
}

/**
 * Reads the scores of each image from the fallback's answer.
 *
 * @throws Error if an output is missing, has another length, is from another model, or holds a value that such a score can't have
 */
export function scoresOf(outputs: Tensor[], images: readonly Float32Array[], screening: Screening): Scores[] {
  const scores = scoresFromOutputs('reclassify', Object.fromEntries(outputs.map((tensor) => [tensor.name, tensor])), images, screening);
  for (const { label, ...values } of scores) {
    if (!(label in screening.classes)) throw new Error(`its label ${label} is not a class`);
    const invalid = Object.values(values).find((score) => !isScore(score));
    if (invalid !== undefined) throw new Error(`its score ${invalid} is not a number of 0 or more`);
  }
  return scores;
}

import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { isScore } from '../../shared/decision/decide.ts';
import { type Scores, scoresFromOutputs } from '../../shared/decision/scores.ts';
import { BINARY_HEADER, inferResponseSchema, splitBody, type Tensor } from '../../shared/protocol/inference-protocol.ts';
import { SIGNATURE_HEADER, signatureOf } from '../../shared/protocol/signature.ts';
import { bytesOfFloats, encodeMessage, readTensors } from '../../shared/protocol/tensors.ts';
import type { Config } from '../config.ts';
import { readUntil } from '../streams.ts';

/** The longest answer that is read: far more than 64 images need. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** More bytes than a request takes for everything but its values. */
const HEAD_BYTES = 512;
const BINARY_VALUE_BYTES = 4;
/** The most characters that JSON.stringify writes for a float32 in [0, 1], with its comma. */
const JSON_VALUE_BYTES = 25;

/** Blames an HTTP error status; any other is the fallback's. 401, 403, 404 and 415 concern all requests: it is set up wrongly. */
const BLAME: Record<number, FallbackError['blame']> = { 400: 'request', 413: 'request', 422: 'request', 502: 'network', 504: 'network' };

/** The error if the fallback gave no answer that can be used. */
export class FallbackError extends Error {
  override name = 'FallbackError';
  /**
   * `network`: it was not reached, or a proxy in front of it says so; another attempt may help. `request`: it refuses this request,
   * which says nothing about others. `fallback`: anything else.
   */
  readonly blame: 'network' | 'request' | 'fallback';
  constructor(message: string, blame: FallbackError['blame'] = 'fallback') {
    super(message);
    this.blame = blame;
  }
}

/** The means of asking the fallback. */
interface Asking {
  fetcher: typeof fetch;
  signal: AbortSignal;
  /** More headers, such as the trace's. */
  headers: Record<string, string>;
  /** When its answer becomes useless, in ms since 1970. */
  deadline: number;
}

/**
 * Asks the fallback (Open Inference Protocol v2) once to reclassify images, in one request.
 *
 * @param images each [H, W, C] in [0, 1]
 * @returns the scores of each image's best latent
 * @throws FallbackError if it can't be reached, or its answer is not complete and plausible, or is for another model; the reason of
 *   `signal` if that is aborted
 */
export async function askFallback(
  images: readonly Float32Array[],
  screening: Screening,
  config: Config,
  { fetcher, signal, headers, deadline }: Asking,
): Promise<Scores[]> {
  // The fallback need not search what it can't answer in time.
  const microseconds = Math.max(1, Math.round(1000 * (deadline - Date.now())));
  const { body, headers: described } = fallbackRequest(images, screening.input, config, microseconds);
  const { FALLBACK_URL, FALLBACK_TOKEN, FALLBACK_HMAC_KEY } = config;
  const signature: Record<string, string> = FALLBACK_HMAC_KEY ? { [SIGNATURE_HEADER]: await signatureOf(FALLBACK_HMAC_KEY, body) } : {};
  const init = {
    method: 'POST',
    headers: { ...headers, ...described, ...(FALLBACK_TOKEN ? { authorization: `Bearer ${FALLBACK_TOKEN}` } : {}), ...signature },
    body,
    signal,
    // Not followed: nobody trusts the answer of another address. workerd does not know 'error'.
    redirect: 'manual' as const,
  };
  const response = await fetcher(new URL('/v2/models/reclassify/infer', FALLBACK_URL), init).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new FallbackError(`it can't be reached (${error instanceof Error ? error.message : error})`, 'network');
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new FallbackError(`it answered ${response.status}`, BLAME[response.status]);
  }
  try {
    // JSON was asked for, but a server may answer with binary tensors, like the request.
    const { json, binary } = splitBody(await wholeAnswer(response), response.headers.get(BINARY_HEADER), MAX_ANSWER_BYTES);
    return scoresOf(readTensors(inferResponseSchema.parse(json).outputs, binary), images, screening);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof z.ZodError ? new FallbackError('its answer does not fit the schema') : new FallbackError(String(error));
  }
}

async function wholeAnswer(response: Response): Promise<Uint8Array> {
  const answer = await readUntil(response.body, (size) => (size > MAX_ANSWER_BYTES ? 'too long' : null));
  if (answer.whole) return answer.bytes;
  answer.rest.cancel().catch(() => undefined);
  throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
}

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
  const bytes = images.map(bytesOfFloats);
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

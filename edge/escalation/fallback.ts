import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { BINARY_HEADER, inferResponseSchema, splitBody } from '../../shared/protocol/inference-protocol.ts';
import { SIGNATURE_HEADER, signatureOf } from '../../shared/protocol/signature.ts';
import { readTensors } from '../../shared/protocol/tensors.ts';
import type { Config } from '../config.ts';
import { readUntil } from '../streams.ts';
import { fallbackRequest, scoresOf } from './fallback-messages.ts';

/** The longest answer that is read: far more than 64 images need. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

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

import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { BINARY_HEADER, inferResponseSchema, readTensors, splitBody } from '../../shared/protocol/inference-protocol.ts';
import { SIGNATURE_HEADER, signatureOf } from '../../shared/protocol/signature.ts';
import type { Config } from '../config.ts';
import { nextChunk } from '../next-chunk.ts';
import { scoresOf } from './fallback-answer.ts';
import { fallbackRequest } from './fallback-request.ts';

/** The longest answer that is read: far more than 64 images need. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** What an HTTP error status is blamed on; any other status on the fallback. 401, 403, 404 and 415 concern all requests: it is set up wrongly. */
const BLAME: Record<number, FallbackError['blame']> = { 400: 'request', 413: 'request', 422: 'request', 502: 'network', 504: 'network' };

/** The fallback gave no answer that can be used. */
export class FallbackError extends Error {
  override name = 'FallbackError';
  /**
   * `network`: it was not reached, or a proxy in front of it says so; another attempt may help. `request`: it refuses this request, which says
   * nothing about others. `fallback`: anything else.
   */
  readonly blame: 'network' | 'request' | 'fallback';
  constructor(message: string, blame: FallbackError['blame'] = 'fallback') {
    super(message);
    this.blame = blame;
  }
}

/** How it is asked. */
export interface Asking {
  fetcher: typeof fetch;
  signal: AbortSignal;
  /** That go with it, such as the trace's. */
  headers: Record<string, string>;
  /** When its answer is no longer of use, in ms since 1970. */
  deadline: number;
}

/**
 * Asks the fallback (Open Inference Protocol v2) once to reclassify images, in one request.
 *
 * @param images each [H, W, C] in [0, 1]
 * @returns the scores of each image's best latent
 * @throws FallbackError where it can't be reached, answers anything that is not a whole and plausible answer, or answers for
 *   another model; what `signal` gives where it was aborted
 */
export async function askFallback(
  images: readonly Float32Array[],
  screening: Screening,
  config: Config,
  { fetcher, signal, headers, deadline }: Asking,
): Promise<Scores[]> {
  // It need not search what it can't answer by then.
  const microseconds = Math.max(1, Math.round(1000 * (deadline - Date.now())));
  const { body, headers: described } = fallbackRequest(images, screening.input, config, microseconds);
  const { FALLBACK_URL, FALLBACK_TOKEN, FALLBACK_HMAC_KEY } = config;
  const signature: Record<string, string> = FALLBACK_HMAC_KEY ? { [SIGNATURE_HEADER]: await signatureOf(FALLBACK_HMAC_KEY, body) } : {};
  const response = await reach(() =>
    fetcher(new URL('/v2/models/reclassify/infer', FALLBACK_URL), {
      method: 'POST',
      headers: {
        ...headers,
        ...described,
        ...(FALLBACK_TOKEN ? { authorization: `Bearer ${FALLBACK_TOKEN}` } : {}),
        ...signature,
      },
      body,
      signal,
      // Not followed, as the answer of another address is nobody's we trust; workerd does not know 'error'.
      redirect: 'manual',
    }),
  );
  if (!response.ok) {
    await response.body?.cancel();
    throw new FallbackError(`it answered ${response.status}`, BLAME[response.status]);
  }
  try {
    // JSON was asked for, but a server may answer with binary tensors, like the request.
    const { json, binary } = splitBody(await boundedBody(response), response.headers.get(BINARY_HEADER), MAX_ANSWER_BYTES);
    return scoresOf(readTensors(inferResponseSchema.parse(json).outputs, binary), images, screening);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof z.ZodError ? new FallbackError('its answer does not fit the schema') : new FallbackError(String(error));
  }

  async function reach(work: () => Promise<Response>): Promise<Response> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw new FallbackError(`it can't be reached (${error instanceof Error ? error.message : error})`, 'network');
    }
  }
}

async function boundedBody(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const { value } = (await (reader && nextChunk(reader))) ?? {};
      if (!value) return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
      size += value.byteLength;
      if (size > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(value);
    }
  } catch (error) {
    reader?.cancel().catch(() => undefined);
    throw error;
  }
}

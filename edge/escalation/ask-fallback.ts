import { z } from 'zod';
import { inferResponseSchema, jsonOf, readTensors, type Tensor } from '../../shared/inference-protocol.ts';
import { relativeError, type Scores } from '../../shared/scores.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import { SIGNATURE_HEADER, signatureOf } from '../../shared/signature.ts';
import type { Config } from '../config.ts';
import { nextChunk } from '../next-chunk.ts';

/** The longest answer that is read: far more than 64 images need. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** The fallback gave no answer that can be used. */
export class FallbackError extends Error {
  override name = 'FallbackError';
  /** Whether asking once more may help: it was not reached, or what stands before it said so. */
  readonly transient: boolean;
  constructor(message: string, transient = false) {
    super(message);
    this.transient = transient;
  }
}

/** How it is asked. */
export interface Asking {
  fetcher: typeof fetch;
  signal: AbortSignal;
  /** That go with it, such as the trace's. */
  headers: Record<string, string>;
  /** When its answer is of no use any more, in ms since 1970. */
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
  const { height, width, channels } = screening.input;
  const data = new Float32Array(images.length * height * width * channels);
  images.forEach((image, i) => {
    data.set(image, i * image.length);
  });
  const input = jsonOf({ name: 'image', datatype: 'FP32', shape: [images.length, height, width, channels], data });
  // In microseconds, as Triton's schedule policy has it: what it can't answer by then it need not search.
  const timeout = Math.max(1, Math.round(1000 * (deadline - Date.now())));
  const body = new TextEncoder().encode(JSON.stringify({ parameters: { timeout }, inputs: [input] }));
  const { FALLBACK_URL, FALLBACK_TOKEN, FALLBACK_HMAC_KEY } = config;
  const signature: Record<string, string> = FALLBACK_HMAC_KEY ? { [SIGNATURE_HEADER]: await signatureOf(FALLBACK_HMAC_KEY, body) } : {};
  const response = await reach(() =>
    fetcher(new URL('/v2/models/reclassify/infer', FALLBACK_URL), {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
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
    throw new FallbackError(`it answered ${response.status}`, response.status === 502 || response.status === 504);
  }
  try {
    const answer = inferResponseSchema.parse(JSON.parse(await boundedText(response)));
    return scoresOf(readTensors(answer.outputs, new Uint8Array(0)), images, screening);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof z.ZodError ? new FallbackError('its answer does not fit the schema') : new FallbackError(String(error));
  }

  async function reach(work: () => Promise<Response>): Promise<Response> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw new FallbackError(`it can't be reached (${error instanceof Error ? error.message : error})`, true);
    }
  }
}

type Data = { [T in Tensor as T['datatype']]: T['data'] };

/** @throws Error where an output is missing, has another length, is another model's, or is no number that such a score can be */
function scoresOf(outputs: Tensor[], images: readonly Float32Array[], screening: Screening): Scores[] {
  const output = <T extends keyof Data>(name: string, datatype: T): Data[T] => {
    const tensor = outputs.find((candidate) => candidate.name === name);
    if (tensor?.datatype !== datatype || tensor.data.length !== images.length) {
      throw new Error(`its ${name} is not ${images.length} values of ${datatype}`);
    }
    return tensor.data as Data[T];
  };
  if (!output('model_id', 'BYTES').every((id) => id === screening.modelId)) throw new Error('it answered for another model');
  const labels = output('label', 'INT64');
  const distances = output('latent_distance', 'FP32');
  const errors = output('reconstruction_error', 'FP32');
  // A server with a graph of an older export does not have it: then there is no margin.
  const others = outputs.some(({ name }) => name === 'runner_up_error') ? output('runner_up_error', 'FP32') : null;
  return images.map((image, i) => {
    const label = Number(labels[i]);
    const [latentDistance, reconstructionError] = [distances[i] as number, errors[i] as number];
    if (!(label in screening.classes)) throw new Error(`its label ${label} is no class`);
    const runnerUp = others ? { runnerUpError: others[i] as number } : {};
    for (const score of [latentDistance, reconstructionError, ...Object.values(runnerUp)])
      if (!Number.isFinite(score) || score < -1e-3) throw new Error(`its score ${score} is not a number from 0 on`);
    return {
      label,
      latentDistance,
      reconstructionError,
      relativeError: relativeError(reconstructionError, image, screening.relativeErrorOffset),
      ...runnerUp,
    };
  });
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const { value } = (await (reader && nextChunk(reader))) ?? {};
      if (!value) return text + decoder.decode();
      size += value.byteLength;
      if (size > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    reader?.cancel().catch(() => undefined);
    throw error;
  }
}

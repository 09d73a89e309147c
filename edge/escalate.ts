import { z } from 'zod';
import { inferResponseSchema, jsonOf, readTensors, type Tensor } from '../shared/inference-protocol.ts';
import { relativeError, type Scores } from '../shared/scores.ts';
import type { Screening } from '../shared/screening-schema.ts';
import type { Config } from './config.ts';

/** The longest answer that is read: far more than 64 images need. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * Asks the fallback (Open Inference Protocol v2) to reclassify rejected images, in one request.
 *
 * @param images each [H, W, C] in [0, 1]
 * @returns the scores of each image's best latent; null where the fallback can't be reached, is late, answers anything that
 * is not a whole and plausible answer, or answers for another model: then the images stay rejected
 */
export async function escalate(
  images: Float32Array[],
  screening: Screening,
  config: Config,
  fetcher: typeof fetch,
): Promise<Scores[] | null> {
  if (!config.FALLBACK_URL || images.length === 0) return null;
  try {
    const { height, width, channels } = screening.input;
    const data = new Float32Array(images.length * height * width * channels);
    images.forEach((image, i) => {
      data.set(image, i * image.length);
    });
    const input = jsonOf({ name: 'image', datatype: 'FP32', shape: [images.length, height, width, channels], data });
    const response = await fetcher(new URL('/v2/models/reclassify/infer', config.FALLBACK_URL), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(config.FALLBACK_TOKEN ? { authorization: `Bearer ${config.FALLBACK_TOKEN}` } : {}),
      },
      body: JSON.stringify({ inputs: [input] }),
      signal: AbortSignal.timeout(config.FALLBACK_TIMEOUT_MS),
      // Not followed, as the answer of another address is nobody's we trust; workerd does not know 'error'.
      redirect: 'manual',
    });
    if (!response.ok) throw new Error(`the fallback answered ${response.status}`);
    const answer = inferResponseSchema.parse(JSON.parse(await boundedText(response)));
    return scoresOf(readTensors(answer.outputs, new Uint8Array(0)), images, screening);
  } catch (error) {
    console.warn(
      JSON.stringify({
        event: 'fallback-unavailable',
        why: error instanceof z.ZodError ? 'the answer does not fit its schema' : String(error),
      }),
    );
    return null;
  }
}

type Data = { [T in Tensor as T['datatype']]: T['data'] };

/** @throws Error where an output is missing, has another length, or is another model's */
function scoresOf(outputs: Tensor[], images: Float32Array[], screening: Screening): Scores[] {
  const output = <T extends keyof Data>(name: string, datatype: T): Data[T] => {
    const tensor = outputs.find((candidate) => candidate.name === name);
    if (tensor?.datatype !== datatype || tensor.data.length !== images.length) {
      throw new Error(`the fallback's ${name} is not ${images.length} values of ${datatype}`);
    }
    return tensor.data as Data[T];
  };
  if (!output('model_id', 'BYTES').every((id) => id === screening.modelId)) throw new Error('the fallback answered for another model');
  const labels = output('label', 'INT64');
  const distances = output('latent_distance', 'FP32');
  const errors = output('reconstruction_error', 'FP32');
  return images.map((image, i) => {
    const reconstructionError = errors[i] as number;
    return {
      label: Number(labels[i]),
      latentDistance: distances[i] as number,
      reconstructionError,
      relativeError: relativeError(reconstructionError, image, screening.relativeErrorOffset),
    };
  });
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the fallback's answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

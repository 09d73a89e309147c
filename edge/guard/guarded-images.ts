import { z } from 'zod';
import { inferContentProblem, inferRequestOf } from '../../shared/infer-request.ts';
import { BINARY_HEADER, ProtocolError, splitBody } from '../../shared/inference-protocol.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import { inferImages } from '../decode/infer-images.ts';
import { itemsOfBatch, jsonOfBody } from '../decode/items.ts';
import { mediaTypeOf, type ReadConfig, readImages, readItems } from '../decode/read-images.ts';
import { ProblemError } from '../problem.ts';

/** `np` says only that a tensor is one; MLServer decodes by other content types, and would see something else. */
const contentType = z.literal('np').optional();

/**
 * All that an inference request may hold that is passed on: a server that knows more (shared memory in place of data, say) would look at
 * something that was not screened.
 */
const guardedRequest = z.strictObject({
  id: z.unknown(),
  parameters: z
    .strictObject({ binary_data_output: z.unknown(), timeout: z.unknown(), priority: z.unknown(), content_type: contentType })
    .partial()
    .optional(),
  inputs: z.tuple([
    z
      .strictObject({
        ...{ name: z.unknown(), datatype: z.unknown(), shape: z.unknown(), data: z.unknown() },
        parameters: z.strictObject({ binary_data_size: z.unknown(), content_type: contentType }).partial().optional(),
      })
      .partial()
      .refine(({ data, parameters }) => data === undefined || parameters?.binary_data_size === undefined, {
        error: 'has data twice, in the JSON and behind it',
      }),
  ]),
  outputs: z.unknown(),
});

/**
 * The images of what a guard passes on: a body as `/screen` takes it, or an inference request (v2), as the classifiers of KServe, Triton and MLServer
 * take them: what says that binary tensors follow its JSON, or is JSON with `inputs`.
 *
 * @throws ProblemError
 */
export async function guardedImages(
  headers: Headers,
  body: Uint8Array,
  screening: Screening,
  config: ReadConfig,
): Promise<(Float32Array | ProblemError)[]> {
  const type = headers.get('content-type') ?? '';
  const length = headers.get(BINARY_HEADER);
  if (body.byteLength === 0 || (length === null && mediaTypeOf(type) !== 'application/json'))
    return (await readImages(type, body, screening, config)).images;
  const plain = length === null ? jsonOfBody(body) : null;
  if (length === null && !isInferRequest(plain)) return readItems(itemsOfBatch(plain, config.MAX_IMAGES), screening, config);
  const wrong = inferContentProblem(type, headers.get('content-encoding') ?? 'identity', length !== null);
  if (wrong) throw new ProblemError('unsupported-media-type', `The inference request's ${wrong}.`);
  try {
    const split = length === null ? { json: plain, binary: new Uint8Array(0) } : splitBody(body, length);
    const guarded = guardedRequest.safeParse(split.json);
    if (!guarded.success) throw new ProtocolError(`it holds what is not passed on: ${z.prettifyError(guarded.error)}`);
    // Which outputs there are, the classifier knows.
    return await inferImages(inferRequestOf(split, null).inputs, screening, config);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ProblemError('bad-json', `The inference request can't be used: ${error.message}.`);
  }
}

const isInferRequest = (json: unknown): boolean => typeof json === 'object' && json !== null && 'inputs' in json;

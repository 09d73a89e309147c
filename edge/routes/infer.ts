import type { Context, Handler } from 'hono';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { inferAnswer } from '../../shared/protocol/infer-request.ts';
import { describedInferResponse, inferErrorSchema, ProtocolError, type Tensor } from '../../shared/protocol/inference-protocol.ts';
import { encodeMessage } from '../../shared/protocol/tensors.ts';
import { checkInferType, readInferImages } from '../decode/infer-request.ts';
import type { Env } from '../env.ts';
import { bearerAuth } from '../middleware/bearer-auth.ts';
import { readBody } from '../middleware/body-limit.ts';
import { modelOf, readyModelOf } from '../model.ts';
import { type App, json, route } from '../openapi.ts';
import type { ScreeningResult } from '../pipeline/decide.ts';
import { runPipeline } from '../pipeline/pipeline.ts';
import { ProblemError } from '../problem.ts';
import { binary, inferBody, inferHeaders } from './bodies.ts';

/** The outputs, with one value for each image. `label` is empty and `index` -1 if it has none, `error` empty if nothing was wrong. */
const OUTPUTS = [
  { name: 'verdict', datatype: 'BYTES', shape: [-1] },
  { name: 'label', datatype: 'BYTES', shape: [-1] },
  { name: 'index', datatype: 'INT64', shape: [-1] },
  { name: 'model_id', datatype: 'BYTES', shape: [-1] },
  { name: 'error', datatype: 'BYTES', shape: [-1] },
] as const;

/** The version that answers besides the bundle's id: clients that are given no version ask for the first one. */
const FIRST_VERSION = '1';

const inputsOf = ({ input }: Screening) => [{ name: 'image', datatype: 'FP32', shape: [-1, input.height, input.width, input.channels] }];

const tensors = z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) }));
const metadataSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: tensors,
  outputs: tensors,
});

/**
 * Adds the Open Inference Protocol v2 for the one model `screen`, so that clients of KServe, Triton and MLServer can ask for verdicts
 * unchanged. The input is `image`, FP32 [N, H, W, C], or `file`, BYTES [N] or [N, 1], each an image file. Errors are `{"error": "..."}`
 * (problemResponse).
 */
export function inferRoutes(app: App): void {
  const failed = (...statuses: number[]) => Object.fromEntries(statuses.map((status) => [status, json('The error.', inferErrorSchema)]));
  const always = [401, 403, 429, 500, 503];
  const get = (path: string, operationId: string, summary: string, schema: z.ZodType, handler: Handler<Env>, ...statuses: number[]) =>
    route(
      app,
      {
        ...{ method: 'get', path, operationId, tags: ['v2'], summary },
        description: 'Answers in the form of the Open Inference Protocol v2. Needs no key.',
        ...parametersOf(path),
        responses: { ...failed(...always, ...statuses), 200: json('The answer.', schema) },
      },
      handler,
    );

  get('/v2', 'v2GetServer', 'Get the server', z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }), (c) =>
    c.json({ name: 'portcullis', version: packageJson.version, extensions: ['binary_tensor_data'] }),
  );
  get('/v2/health/live', 'v2GetLiveness', 'Check that the worker runs', z.object({ live: z.boolean() }), (c) => c.json({ live: true }));
  const ready: Handler<Env> = async (c) => {
    await versionOf(c);
    await readyModelOf(c);
    return c.json({ ready: true });
  };
  get('/v2/health/ready', 'v2GetReadiness', 'Check that the model can be asked', z.object({ ready: z.boolean() }), ready);
  for (const [path, model] of [
    ['/v2/models/screen', 'Model'],
    ['/v2/models/screen/versions/{version}', 'ModelVersion'],
  ] as const) {
    get(path, `v2Get${model}`, 'Get the model', metadataSchema, metadata, 404);
    get(`${path}/ready`, `v2Get${model}Readiness`, 'Check that the model can be asked', z.object({ ready: z.boolean() }), ready, 404);
    route(
      app,
      {
        ...{ method: 'post', path: `${path}/infer`, operationId: `v2${model}Infer`, tags: ['v2'] },
        summary: 'Screen images',
        description: 'An inference request: input `image`, FP32 [N, H, W, C], or `file`, BYTES [N]. Answers with a verdict for each image.',
        security: [{}, { key: [] }],
        request: {
          ...parametersOf(path).request,
          headers: inferHeaders,
          body: inferBody,
        },
        responses: {
          ...failed(...always, 400, 404, 408, 413, 415),
          200: {
            description: 'A verdict for each image.',
            content: {
              'application/json': { schema: describedInferResponse },
              'application/octet-stream': { schema: binary('its JSON, followed by the binary tensors') },
            },
          },
        },
      },
      bearerAuth('screen'),
      infer,
    );
  }
}

async function metadata(c: Context<Env>): Promise<Response> {
  const screening = await versionOf(c);
  return c.json({ name: 'screen', versions: [screening.id], platform: 'onnxruntime_onnx', inputs: inputsOf(screening), outputs: OUTPUTS });
}

async function infer(c: Context<Env>): Promise<Response> {
  const config = c.get('config');
  await versionOf(c);
  const { headers } = c.req.raw;
  checkInferType(headers);
  const names = OUTPUTS.map(({ name }) => name);
  const { given, judged, model } = await runPipeline(c, {
    route: 'infer',
    body: () => readBody(c.req.raw, config),
    read: (body, screening) => asBadRequest(() => readInferImages(headers, body, screening, config, names)),
  });
  const version = { model: 'screen', version: model.id };
  const { json, binary } = inferAnswer(outputsOf(judged, model.id), given.request, version);
  const { body, headers: described } = encodeMessage(json, binary);
  return c.body(body, 200, described);
}

function outputsOf(judged: readonly ScreeningResult[], id: string): Record<string, Tensor> {
  const shape = [judged.length];
  const texts = (name: string, of: (one: ScreeningResult) => string): Tensor => ({ name, datatype: 'BYTES', shape, data: judged.map(of) });
  const index = judged.map(({ verdict }) => BigInt(verdict && 'index' in verdict ? verdict.index : -1));
  return {
    verdict: texts('verdict', ({ verdict }) => verdict?.verdict ?? 'error'),
    label: texts('label', ({ verdict }) => (verdict && 'label' in verdict ? verdict.label : '')),
    index: { name: 'index', datatype: 'INT64', shape, data: BigInt64Array.from(index) },
    model_id: texts('model_id', () => id),
    error: texts('error', ({ problem }) => problem?.message ?? ''),
  };
}

/** Returns the model of the version that is asked for. @throws ProblemError `not-found` if there is no such version */
async function versionOf(c: Context<Env>): Promise<Screening> {
  const { screening } = await modelOf(c);
  const version = c.req.param('version');
  if (version !== undefined && ![FIRST_VERSION, screening.id].includes(version))
    throw new ProblemError('not-found', `there is no version ${version}; there is ${screening.id}`);
  return screening;
}

/** Runs a reader and turns a ProtocolError into the problem `bad-request`. */
function asBadRequest<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ProtocolError ? new ProblemError('bad-request', error.message) : error;
  }
}

function parametersOf(path: string) {
  return path.includes('{version}')
    ? { request: { params: z.object({ version: z.string().meta({ description: `the bundle's id, or ${FIRST_VERSION}` }) }) } }
    : {};
}

import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { timingSafeEqual } from 'hono/utils/buffer';
import type { Logger } from 'pino';
import packageJson from '../package.json' with { type: 'json' };
import { inferContentProblem } from '../shared/protocol/infer-request.ts';
import { BINARY_HEADER, ProtocolError } from '../shared/protocol/inference-protocol.ts';
import { SIGNATURE_HEADER, signatureProblem } from '../shared/protocol/signature.ts';
import { encodeMessage } from '../shared/protocol/tensors.ts';
import { ExpiredError, QueueFullError } from './batch.ts';
import type { Metrics } from './metrics.ts';
import { answerOf, outputsMetadata } from './outputs.ts';
import { type Env, requestLog } from './request-log.ts';
import type { RequestReader } from './request-reader.ts';
import type { Search } from './search.ts';

export interface Limits {
  maxBytes: number;
  maxImages: number;
  /** Bearer token for every route but `/v2/health/*` and `/metrics`. */
  token?: string | undefined;
  /** Keys of which one must have signed each inference request (shared/protocol/signature.ts). */
  hmacKeys?: readonly string[] | undefined;
}

/** Largest number of bytes in the bodies of all requests at once. */
const MAX_TOTAL_BYTES = 128 * 1024 * 1024;

export interface Services {
  search: Pick<Search, 'screening' | 'run' | 'ready' | 'checkCapacity'>;
  reader: Pick<RequestReader, 'read'>;
  metrics: Pick<Metrics, 'registry' | 'answered'>;
  log: Logger;
}

/** Creates the Open Inference Protocol v2 for the one model `reclassify`. Errors are `{"error": "..."}`, as in the protocol. */
export function createApp({ search, reader, metrics, log }: Services, limits: Limits): Hono<Env> {
  const app = new Hono<Env>();
  const { id, input } = search.screening;
  const paths: string[] = [];
  const route = (method: 'GET' | 'POST', path: string, ...handlers: (Handler<Env> | MiddlewareHandler<Env>)[]) => {
    paths.push(`${method} ${path}`);
    app.on(method, [path], ...handlers);
    const allow = method === 'GET' ? 'GET, HEAD' : method;
    app.all(path, (c) => c.json({ error: `${c.req.path} takes ${allow} only, not ${c.req.method}` }, 405, { allow }));
  };

  app.onError((error, c) => {
    if (error instanceof ProtocolError) return c.json({ error: error.message }, 400);
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    const record = c.get('record');
    if (error instanceof ExpiredError) record.outcome = 'expired';
    if (error instanceof QueueFullError || error instanceof ExpiredError)
      return c.json({ error: `${error.message}; try again later` }, 503, { 'retry-after': String(error.retryAfterSeconds) });
    // Nobody reads this answer: the client has gone.
    if (c.req.raw.signal.aborted) {
      record.outcome = 'cancelled';
      return c.json({ error: 'the request was cancelled' }, 503);
    }
    record.why = String(error);
    return c.json({ error: 'the search failed; the image stays rejected' }, 500);
  });
  app.use(requestLog(log, metrics));
  app.notFound((c) => c.json({ error: `there is no ${c.req.path}; there are ${paths.join(', ')}` }, 404));
  if (limits.token) for (const path of ['/v2', '/v2/models/*']) app.use(path, bearerToken(limits.token));
  app.use('/v2/models/:model/*', async (c, next) => {
    if (c.req.param('model') !== 'reclassify')
      throw new HTTPException(404, { message: `there is no model ${c.req.param('model')}; there is reclassify` });
    await next();
  });
  app.use('/v2/models/reclassify/versions/:version/*', async (c, next) => {
    // Clients that have no version ask for the first one.
    if (!['1', id].includes(c.req.param('version')))
      throw new HTTPException(404, { message: `there is no version ${c.req.param('version')}; there is ${id}` });
    await next();
  });

  const ready: Handler<Env> = async (c) => ((await search.ready()) ? c.json({ ready: true }) : c.json({ ready: false }, 503));
  const metadata: Handler<Env> = (c) =>
    c.json({
      name: 'reclassify',
      versions: [id],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, input.height, input.width, input.channels] }],
      outputs: outputsMetadata(search.screening),
    });
  const requestLimit = bodyLimit({
    maxSize: limits.maxBytes,
    onError: (c) => c.json({ error: `the body exceeds the limit of ${limits.maxBytes} bytes` }, 413),
  });
  const totalLimit = totalBodyLimit(MAX_TOTAL_BYTES, limits.maxBytes);
  // Runs before the body is read: a request that can't be searched in time costs next to nothing.
  const capacity: MiddlewareHandler = (_, next) => {
    search.checkCapacity();
    return next();
  };
  const infer: Handler<Env> = async (c) => {
    const record = c.get('record');
    const body = new Uint8Array(await c.req.arrayBuffer());
    if (limits.hmacKeys?.length) {
      const problem = await signatureProblem(limits.hmacKeys, c.req.header(SIGNATURE_HEADER), body);
      if (problem) throw new HTTPException(401, { message: problem });
    }
    const headerLength = c.req.header(BINARY_HEADER) ?? null;
    const encoding = c.req.header('content-encoding') ?? 'identity';
    const isEncoded = encoding.toLowerCase() !== 'identity';
    const wrong = isEncoded
      ? `content-encoding is ${encoding}; only identity is allowed`
      : inferContentProblem(c.req.header('content-type') ?? '');
    if (wrong) throw new HTTPException(415, { message: wrong });
    const request = await reader.read(body, headerLength);
    const { image, id: requestId, timeoutMs } = request;
    Object.assign(record, { id: requestId, images: image.shape[0] });
    const options = { signal: c.req.raw.signal, ...(timeoutMs ? { timeoutMs } : {}) };
    const result = await search.run({ images: image.data, shape: image.shape }, options);
    Object.assign(record, { waitMs: result.waitMs, searchMs: result.searchMs });
    const { json, binary } = answerOf(result, request, search.screening);
    const { body: answer, headers } = encodeMessage(json, binary);
    return c.body(answer, 200, headers);
  };

  route('GET', '/v2', (c) => c.json({ name: 'portcullis', version: packageJson.version, extensions: ['binary_tensor_data'] }));
  route('GET', '/v2/health/live', (c) => c.json({ live: true }));
  route('GET', '/v2/health/ready', ready);
  route('GET', '/metrics', async (c) => c.text(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }));
  for (const model of ['/v2/models/reclassify', '/v2/models/reclassify/versions/:version']) {
    route('GET', model, metadata);
    route('GET', `${model}/ready`, ready);
    route('POST', `${model}/infer`, capacity, requestLimit, totalLimit, infer);
  }
  return app;
}

/**
 * Lets only requests with the token through. Not hono's `bearerAuth`: its tokens are limited to base64 characters, and it answers a
 * header of another scheme with 400.
 */
function bearerToken(token: string): MiddlewareHandler {
  return async (c, next) => {
    const sent = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (sent !== undefined && (await timingSafeEqual(sent, token))) return next();
    return c.json({ error: 'a valid token is needed: Authorization: Bearer TOKEN' }, 401, { 'www-authenticate': 'Bearer' });
  };
}

/**
 * Limits the memory of all requests together, from the first byte of each to its answer.
 *
 * @param maxTotal bytes of all bodies at once
 * @param maxBytes counted for a body that does not declare its length
 */
function totalBodyLimit(maxTotal: number, maxBytes: number): MiddlewareHandler {
  let total = 0;
  return async (c, next) => {
    const bytes = Number(c.req.header('content-length') ?? maxBytes);
    if (total > 0 && total + bytes > maxTotal) throw new QueueFullError(`requests of ${total} bytes are under way already`, 1);
    total += bytes;
    try {
      await next();
    } finally {
      total -= bytes;
    }
  };
}

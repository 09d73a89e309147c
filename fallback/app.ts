import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import packageJson from '../package.json' with { type: 'json' };
import { inferContentProblem } from '../shared/infer-request.ts';
import { BINARY_HEADER, ProtocolError } from '../shared/inference-protocol.ts';
import { SIGNATURE_HEADER, signatureProblem } from '../shared/signature.ts';
import { bearerToken } from './bearer-token.ts';
import { answerOf, outputsMetadata, readRequest } from './infer.ts';
import type { Search } from './search.ts';
import { QueueFullError } from './search-pool.ts';

export interface Limits {
  maxBytes: number;
  maxImages: number;
  /** Needed for all but `/v2/health/*` where it is given. */
  token?: string | undefined;
  /** Where there are any, an inference request must be signed with one of them (shared/signature.ts). */
  hmacKeys?: readonly string[] | undefined;
}

/** The Open Inference Protocol v2 for the one model `reclassify`. Errors are `{"error": "..."}`, as the protocol has them. */
export function createApp(search: Pick<Search, 'screening' | 'run' | 'ready'>, limits: Limits): Hono {
  const app = new Hono();
  const { id, input } = search.screening;
  const paths: string[] = [];
  const route = (method: 'GET' | 'POST', path: string, ...handlers: (Handler | MiddlewareHandler)[]) => {
    paths.push(`${method} ${path}`);
    app.on(method, [path], ...handlers);
    const allow = method === 'GET' ? 'GET, HEAD' : method;
    app.all(path, (c) => c.json({ error: `${c.req.path} takes ${allow} only, not ${c.req.method}` }, 405, { allow }));
  };

  app.onError((error, c) => {
    if (error instanceof ProtocolError) return c.json({ error: error.message }, 400);
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    if (error instanceof QueueFullError)
      return c.json({ error: `${error.message}; try again later` }, 503, { 'retry-after': String(error.retryAfterSeconds) });
    // Nobody reads this answer: the client has gone.
    if (c.req.raw.signal.aborted) return c.json({ error: 'the request was cancelled' }, 503);
    console.error(JSON.stringify({ event: 'error', why: String(error) }));
    return c.json({ error: 'the search failed; the image stays rejected' }, 500);
  });
  app.notFound((c) => c.json({ error: `there is no ${c.req.path}; there are ${paths.join(', ')}` }, 404));
  if (limits.token) for (const path of ['/v2', '/v2/models/*']) app.use(path, bearerToken(limits.token));
  app.use('/v2/models/:model/*', async (c, next) => {
    if (c.req.param('model') !== 'reclassify')
      throw new HTTPException(404, { message: `there is no model ${c.req.param('model')}; there is reclassify` });
    await next();
  });
  app.use('/v2/models/reclassify/versions/:version/*', async (c, next) => {
    if (c.req.param('version') !== id)
      throw new HTTPException(404, { message: `there is no version ${c.req.param('version')}; there is ${id}` });
    await next();
  });

  const ready: Handler = async (c) => ((await search.ready()) ? c.json({ ready: true }) : c.json({ ready: false }, 503));
  const metadata: Handler = (c) =>
    c.json({
      name: 'reclassify',
      versions: [id],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, input.height, input.width, input.channels] }],
      outputs: outputsMetadata(search.screening),
    });
  const bounded = bodyLimit({
    maxSize: limits.maxBytes,
    onError: (c) => c.json({ error: `the body is larger than ${limits.maxBytes} bytes, which are allowed` }, 413),
  });
  const infer: Handler = async (c) => {
    const body = new Uint8Array(await c.req.arrayBuffer());
    if (limits.hmacKeys?.length) {
      const problem = await signatureProblem(limits.hmacKeys, c.req.header(SIGNATURE_HEADER), body);
      if (problem) throw new HTTPException(401, { message: problem });
    }
    const headerLength = c.req.header(BINARY_HEADER) ?? null;
    const [type = '', encoding = 'identity'] = [c.req.header('content-type'), c.req.header('content-encoding')];
    const wrong = inferContentProblem(type, encoding, headerLength !== null);
    if (wrong) throw new HTTPException(415, { message: wrong });
    const request = readRequest(body, headerLength, search.screening, limits.maxImages);
    const { image } = request;
    const result = await search.run({ images: image.data, shape: image.shape }, { signal: c.req.raw.signal });
    const { json, binary } = answerOf(result, request, search.screening);
    if (binary.length === 0) return c.json(json);
    const head = Buffer.from(JSON.stringify(json));
    return c.body(Buffer.concat([head, ...binary]), 200, {
      'content-type': 'application/octet-stream',
      [BINARY_HEADER]: String(head.byteLength),
    });
  };

  route('GET', '/v2', (c) => c.json({ name: 'portcullis', version: packageJson.version, extensions: ['binary_tensor_data'] }));
  route('GET', '/v2/health/live', (c) => c.json({ live: true }));
  route('GET', '/v2/health/ready', ready);
  for (const model of ['/v2/models/reclassify', '/v2/models/reclassify/versions/:version']) {
    route('GET', model, metadata);
    route('GET', `${model}/ready`, ready);
    route('POST', `${model}/infer`, bounded, infer);
  }
  return app;
}

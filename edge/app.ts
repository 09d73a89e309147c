import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import type { Verdict } from '../shared/screen-messages.ts';
import { configOf } from './config.ts';
import { CONTENT_TYPES, readImages } from './decode/read-images.ts';
import page from './playground/page.html';
import { ProblemError, problemOf, problemResponse } from './problem.ts';
import { goldenProblem } from './readiness.ts';
import { type Model, screenImages } from './screen.ts';
import { authorize } from './tokens.ts';

type Env = { Bindings: Record<string, unknown>; Variables: { requestId: string } };

/** The routes and what each allows, for 405. */
const METHODS: Record<string, string> = {
  '/': 'GET, HEAD',
  '/model': 'GET, HEAD',
  '/health/live': 'GET, HEAD',
  '/health/ready': 'GET, HEAD',
  '/screen': 'POST',
};

/**
 * The worker's HTTP face.
 *
 * @param loadModel the loaded model, or a rejection that says why there is none; then nothing is ever accepted
 * @param fetcher how the fallback is reached
 */
export function createApp(loadModel: () => Promise<Model>, fetcher: typeof fetch): Hono<Env> {
  const app = new Hono<Env>();
  const model = () =>
    loadModel().catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new ProblemError('model-unavailable', `The model could not be loaded: ${why} Deploy a whole bundle.`);
    });
  app.use(requestId({ headerName: '', generator: () => crypto.randomUUID() }));
  app.use(async (c, next) => {
    await next();
    c.header('Portcullis-Request', c.get('requestId'));
  });
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'unsafe-inline'"],
        styleSrc: ["'unsafe-inline'"],
        connectSrc: ["'self'"],
        imgSrc: ['blob:', 'data:'],
        baseUri: ["'none'"],
        formAction: ["'none'"],
      },
    }),
  );
  app.onError((error, c) => {
    const problem = problemOf(error, c.get('requestId'));
    if (problem.status >= 500) console.error(JSON.stringify({ event: 'error', request: problem.request, why: String(error) }));
    return problemResponse(problem, problem.status === 401 ? { 'www-authenticate': 'Bearer' } : {});
  });
  app.notFound((c) => {
    const allowed = METHODS[c.req.path];
    const problem = allowed
      ? new ProblemError('method-not-allowed', `${c.req.method} is not allowed here; allowed: ${allowed}.`)
      : new ProblemError('not-found', `There is no ${c.req.path}. There are: ${Object.keys(METHODS).join(', ')}.`);
    return problemResponse(problemOf(problem, c.get('requestId')), allowed ? { allow: allowed } : {});
  });

  app.get('/', (c) => c.html(page));
  app.get('/health/live', (c) => c.json({ status: 'live' }));
  app.get('/health/ready', async (c) => {
    configOf(c.env);
    const problem = await goldenProblem(await model());
    if (problem) throw new ProblemError('model-unavailable', `The model does not compute what it did when it was exported: ${problem}.`);
    return c.json({ status: 'ready' });
  });
  app.get('/model', async (c) => {
    const { id, name, classes, input } = (await model()).screening;
    return c.json({ id, name, classes, input });
  });
  app.post(
    '/screen',
    async (c, next) => {
      const config = configOf(c.env);
      const maxSize = config.MAX_BODY_BYTES;
      await authorize(c.req.header('authorization'), c.req.query('explain') === '1', config);
      const tooLarge = new ProblemError('body-too-large', `The body is larger than ${maxSize} bytes. Send fewer or smaller images.`);
      const onError = () => problemResponse(problemOf(tooLarge, c.get('requestId')));
      return bodyLimit({ maxSize, onError })(c, next);
    },
    async (c) => {
      const config = configOf(c.env);
      const contentType = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
      if (!CONTENT_TYPES.includes(contentType)) {
        throw new ProblemError(
          'unsupported-media-type',
          `The content type is ${contentType || 'missing'}; allowed are ${CONTENT_TYPES.join(', ')}.`,
        );
      }
      const loaded = await model();
      const { batch, images } = await readImages(contentType, new Uint8Array(await c.req.arrayBuffer()), loaded.screening, config);
      const options = { explain: c.req.query('explain') === '1', request: c.get('requestId'), fetcher };
      const results = await screenImages(images, loaded, config, options);
      return batch ? c.json({ results }) : c.json(results[0] as Verdict);
    },
  );
  return app;
}

import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { BINARY_HEADER } from '../shared/protocol/inference-protocol.ts';
import { traceOf } from '../shared/protocol/trace.ts';
import { type Config, configOf } from './config.ts';
import type { Env, Services } from './env.ts';
import { type Resilience, resilienceOf } from './escalation/resilience.ts';
import { logProblem, requestLog } from './middleware/request-log.ts';
import { createReadiness } from './model.ts';
import { type App, methodsOf, routesOf } from './openapi.ts';
import { ProblemError, problemOf, problemResponse } from './problem.ts';

import { docsRoutes } from './routes/docs.ts';
import { guardedModelRoutes, guardRoute } from './routes/guard.ts';
import { healthRoutes } from './routes/health.ts';
import { inferRoutes } from './routes/infer.ts';
import { modelRoutes } from './routes/model.ts';
import { pageRoutes } from './routes/page.ts';
import { screenRoute } from './routes/screen.ts';

/** Paths that answer whatever the variables are. */
const WITHOUT_CONFIG = ['/docs', '/openapi.json', '/health/live', '/v2', '/v2/health/live'];

/** Lets a page for people run nothing but its own files; the page runs the model in a thread, in WebAssembly. */
const OF_PAGES = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
  workerSrc: ["'self'"],
  styleSrc: ["'self'"],
  connectSrc: ["'self'"],
  imgSrc: ["'self'", 'blob:', 'data:'],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** The description of the API, in one file. */
const OF_DOCS = { ...OF_PAGES, scriptSrc: ["'unsafe-inline'"], styleSrc: ["'unsafe-inline'"] };

const isOfPage = (path: string) => path === '/' || /^\/page\/[^/]+$/.test(path);

/** Lets nothing in an answer run in a browser, whatever its type, not even in a classifier's answer. */
const OF_ANSWERS = { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"], sandbox: [] };

/** Creates the worker's HTTP application. */
export function createApp(services: Services): App {
  const app: App = new OpenAPIHono<Env>();
  const resilience = perIsolate();
  const readiness = createReadiness(services.checkedAtStart ?? false);
  app.use(requestLog());
  app.use(requestId({ headerName: '', generator: () => crypto.randomUUID() }));
  app.use(async (c, next) => {
    c.set('services', services);
    c.set('resilience', resilience);
    c.set('readiness', readiness);
    c.set('trace', traceOf(c.req.header('traceparent'), c.req.header('tracestate')));
    await next();
    c.header('Portcullis-Request', c.get('requestId'));
  });
  // Hono hands only Errors to onError, and libraries compiled to WebAssembly throw other things.
  app.use(async (_, next) => {
    try {
      await next();
    } catch (thrown) {
      throw thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  });
  const [page, docs, other] = [OF_PAGES, OF_DOCS, OF_ANSWERS].map((policy) => secureHeaders({ contentSecurityPolicy: policy })) as [
    ...[MiddlewareHandler, MiddlewareHandler, MiddlewareHandler],
  ];
  app.use((c, next) => (isOfPage(c.req.path) ? page : c.req.path === '/docs' ? docs : other)(c, next));
  app.use(async (c, next) => {
    if (WITHOUT_CONFIG.includes(c.req.path) || isOfPage(c.req.path)) return next();
    const config = configOf(c.env ?? {});
    c.set('config', config);
    if (config.CORS_ORIGINS.length === 0) return next();
    return cors({
      origin: config.CORS_ORIGINS.includes('*') ? '*' : config.CORS_ORIGINS,
      allowMethods: ['GET', 'HEAD', 'POST'],
      allowHeaders: ['authorization', 'content-type', 'traceparent', 'tracestate', BINARY_HEADER],
      exposeHeaders: ['portcullis-request', 'portcullis-verdict', 'portcullis-label', 'portcullis-guard', 'retry-after', BINARY_HEADER],
      maxAge: 3600,
    })(c, next);
  });
  app.onError((error, c) => {
    logProblem(c, error);
    const problem = problemOf(error, c.get('requestId'));
    const headers = error instanceof ProblemError ? error.headers : {};
    return problemResponse(problem, c.req.path, { ...headers, ...(problem.status === 401 ? { 'www-authenticate': 'Bearer' } : {}) });
  });
  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path);
    // The line does not get the text, which has the path.
    c.get('line').problem = allowed ? 'method-not-allowed' : 'not-found';
    const paths = [...new Set(routesOf(app).map(({ path }) => path))].join(', ');
    const problem = allowed
      ? new ProblemError('method-not-allowed', `${c.req.method} is not allowed here; allowed: ${allowed}.`)
      : new ProblemError('not-found', `There is no ${c.req.path}. There are: ${paths}.`);
    return problemResponse(problemOf(problem, c.get('requestId')), c.req.path, allowed ? { allow: allowed } : {});
  });

  screenRoute(app);
  guardRoute(app);
  inferRoutes(app);
  // After the screen's own routes, whose model has a fixed name.
  guardedModelRoutes(app);
  modelRoutes(app);
  healthRoutes(app);
  docsRoutes(app);
  if (services.page) pageRoutes(app, services.page);
  return app;
}

/** Creates the resilience at the first request that knows the configuration, and again when that changes. */
function perIsolate(): (config: Config) => Resilience {
  let made: { of: string; resilience: Resilience } | undefined;
  return ({ FALLBACK_URL, FALLBACK_CONCURRENCY }) => {
    const of = `${FALLBACK_CONCURRENCY} ${FALLBACK_URL}`;
    if (made?.of !== of) made = { of, resilience: resilienceOf(FALLBACK_CONCURRENCY) };
    return made.resilience;
  };
}

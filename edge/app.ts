import { OpenAPIHono } from '@hono/zod-openapi';
import { cors } from 'hono/cors';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { BINARY_HEADER } from '../shared/inference-protocol.ts';
import { type Config, configOf } from './config.ts';
import type { Env, Services } from './env.ts';
import { type Resilience, resilienceOf } from './escalation/resilience.ts';
import { type App, methodsOf, routesOf } from './openapi.ts';
import { ProblemError, problemOf, problemResponse } from './problem.ts';
import { docsRoutes } from './routes/docs.ts';
import { guardRoute } from './routes/guard.ts';
import { healthRoutes } from './routes/health.ts';
import { inferRoutes } from './routes/infer.ts';
import { modelRoutes } from './routes/model.ts';
import { screenRoute } from './routes/screen.ts';
import { traceOf } from './trace.ts';

/** Answers whatever the variables are: that the worker runs, and its pages. */
const WITHOUT_CONFIG = ['/', '/docs', '/openapi.json', '/health/live', '/v2', '/v2/health/live'];

/** The worker's HTTP face. */
export function createApp(services: Services): App {
  const app: App = new OpenAPIHono<Env>();
  const resilience = perIsolate();
  app.use(requestId({ headerName: '', generator: () => crypto.randomUUID() }));
  app.use(async (c, next) => {
    c.set('services', services);
    c.set('resilience', resilience);
    c.set('trace', traceOf(c.req.header('traceparent'), c.req.header('tracestate')));
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
  app.use(async (c, next) => {
    if (WITHOUT_CONFIG.includes(c.req.path)) return next();
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
    const [request, trace] = [c.get('requestId'), c.get('trace')];
    const problem = problemOf(error, request);
    const why = error instanceof Error ? error.message : String(error);
    if (problem.status >= 500)
      console.error(JSON.stringify({ event: 'error', request, trace: trace?.traceId, status: problem.status, why }));
    const headers = error instanceof ProblemError ? error.headers : {};
    return problemResponse(problem, c.req.path, { ...headers, ...(problem.status === 401 ? { 'www-authenticate': 'Bearer' } : {}) });
  });
  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path);
    const paths = [...new Set(routesOf(app).map(({ path }) => path))].join(', ');
    const problem = allowed
      ? new ProblemError('method-not-allowed', `${c.req.method} is not allowed here; allowed: ${allowed}.`)
      : new ProblemError('not-found', `There is no ${c.req.path}. There are: ${paths}.`);
    return problemResponse(problemOf(problem, c.get('requestId')), c.req.path, allowed ? { allow: allowed } : {});
  });

  screenRoute(app);
  guardRoute(app);
  inferRoutes(app);
  modelRoutes(app);
  healthRoutes(app);
  docsRoutes(app);
  return app;
}

/** Made by the first request that knows the configuration, and anew where it changes. */
function perIsolate(): (config: Config) => Resilience {
  let made: { of: string; resilience: Resilience } | undefined;
  return ({ FALLBACK_URL, FALLBACK_CONCURRENCY }) => {
    const of = `${FALLBACK_CONCURRENCY} ${FALLBACK_URL}`;
    if (made?.of !== of) made = { of, resilience: resilienceOf(FALLBACK_CONCURRENCY) };
    return made.resilience;
  };
}

import { type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import type { Handler } from 'hono';
import { problemSchema } from '../shared/protocol/screen-messages.ts';
import type { Env } from './env.ts';
import { PROBLEMS, ProblemError, type ProblemName } from './problem.ts';

export type App = OpenAPIHono<Env>;

/** The groups of operations in the description. */
export const TAGS = {
  model: 'The model that screens.',
  operation: 'The state of the worker.',
  pages: 'Pages for people, and this description.',
  screening: 'Verdicts on images, and the guard in front of a classifier.',
  v2: 'The Open Inference Protocol v2, for clients of KServe, Triton and MLServer.',
} as const;

/** The description of a route, for people and for generated clients. */
export interface RouteDescription extends RouteConfig {
  /** Names the call in generated clients. */
  operationId: string;
  tags: [keyof typeof TAGS];
  summary: string;
  description: string;
}

/** The problems that every route may answer. */
const ALWAYS: ProblemName[] = ['internal', 'configuration', 'too-many-requests', 'unauthorized', 'forbidden'];

/** Describes the answers for these problems, by status. */
export function problems(...names: ProblemName[]): RouteConfig['responses'] {
  const byStatus = new Map<number, ProblemName[]>();
  for (const name of new Set([...names, ...ALWAYS])) {
    const [status] = PROBLEMS[name];
    byStatus.set(status, [...(byStatus.get(status) ?? []), name]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, ofIt]) => [
      status,
      {
        description: ofIt.map((name) => `\`${name}\`: ${PROBLEMS[name][1]}.`).join(' '),
        content: { 'application/problem+json': { schema: problemSchema } },
        ...(status === 429 ? { headers: z.object({ 'Retry-After': z.string().meta({ description: 'seconds' }) }) } : {}),
      },
    ]),
  );
}

/** Describes a body or an answer in JSON. */
export const json = (description: string, schema: z.ZodType) => ({ description, content: { 'application/json': { schema } } });

/** Translates an OpenAPI path into Hono's. */
const pathInHono = (path: string) => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Adds a route and describes it with the schemas that its handler uses. A route without `security` needs no key. */
export function route(app: App, config: RouteDescription, ...handlers: Handler<Env>[]): void {
  const responses = { ...problems(), ...config.responses };
  app.openAPIRegistry.registerPath({ security: [], ...config, responses });
  app.on(config.method.toUpperCase(), [pathInHono(config.path)], ...handlers);
}

/** Returns the methods that a path takes, for 405; null if there is no such path. */
export function methodsOf(app: App, path: string): string | null {
  const segments = path.split('/');
  const fits = (pattern: string) => {
    const parts = pattern.split('/');
    return parts.length === segments.length && parts.every((part, i) => /^\{\w+\}$/.test(part) || part === segments[i]);
  };
  const methods = routesOf(app).flatMap((config) => (fits(config.path) ? config.method.toUpperCase() : []));
  if (methods.length === 0) return null;
  return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].join(', ');
}

export const routesOf = (app: App): RouteConfig[] =>
  app.openAPIRegistry.definitions.flatMap((definition) => (definition.type === 'route' ? [definition.route] : []));

/** The query parameter `explain`. */
export const explainQuery = z.object({
  explain: z
    .enum(['0', '1'])
    .optional()
    .meta({ description: '1: why, with scores and reconstruction; needs a key with the scope explain' }),
});

/** Checks the query. @throws ProblemError `bad-request` */
export function checkQuery(query: Record<string, string>): void {
  const parsed = explainQuery.safeParse(query);
  if (!parsed.success) throw new ProblemError('bad-request', `explain is ${JSON.stringify(query.explain)}; allowed are 0 and 1.`);
}

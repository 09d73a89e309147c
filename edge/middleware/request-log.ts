import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { type Config, configOf } from '../config.ts';
import type { Env, RequestLine } from '../env.ts';
import { ProblemError } from '../problem.ts';

/** A problem's text may repeat what the client sent. */
const LONGEST_WHY = 300;

/**
 * Logs one line of JSON for each request, refused ones too, once it is answered. The line has the route's pattern, not the path or the
 * query, and no duration: the clock of a deployed worker stands still while it computes.
 *
 * Uses `console.error` for 5xx, `console.warn` for other requests with faults, else `console.log`. The first two are always written.
 */
export function requestLog(): MiddlewareHandler<Env> {
  return async (c, next) => {
    const line: RequestLine = { decisions: [], faults: [] };
    c.set('line', line);
    await next();
    const route = routeOf(c);
    const level = c.res.status >= 500 ? 'error' : line.faults.length > 0 ? 'warn' : 'log';
    if (level === 'log' && !isWanted(c, route)) return;
    const { traceId, spanId } = c.get('trace');
    const { problem, why, model, images, decisions, guard, faults } = line;
    console[level](
      asciiJson({
        ...{ event: 'request', request: c.get('requestId'), trace: traceId, span: spanId },
        ...{ method: c.req.method.slice(0, 20), route, status: c.res.status, problem, why: shortened(why) },
        ...{ key: c.get('caller')?.key ?? null, bytes: bytesOf(c), model, images },
        ...(decisions.length > 0 ? { decisions } : {}),
        guard,
        ...(faults.length > 0 ? { faults: faults.map((fault) => ({ ...fault, why: shortened(fault.why) })) } : {}),
      }),
    );
  };
}

/** Notes for the log why a request failed; for `internal` also the text that the client does not get. */
export function logProblem(c: Context<Env>, error: unknown): void {
  const line = c.get('line');
  line.problem = error instanceof ProblemError ? error.problem : 'internal';
  line.why = error instanceof Error ? error.message : String(error);
}

/** Returns the route's pattern, such as `/v2/models/screen/versions/{version}`; null if there is none. */
function routeOf(c: Context<Env>): string | null {
  const path = matchedRoutes(c).find(({ path }) => !path.includes('*'))?.path;
  return path?.replaceAll(/:(\w+)/g, '{$1}') ?? null;
}

function isWanted(c: Context<Env>, route: string | null): boolean {
  const config = configIfAny(c);
  const failed = c.res.status >= 400;
  if (route && /\/(live|ready)$/.test(route) && !failed && config?.LOG_HEALTH !== 'on') return false;
  if (config?.LOG_REQUESTS === 'off') return false;
  return config?.LOG_REQUESTS !== 'refused' || failed || c.get('line').refused === true;
}

/** Reads the configuration if need be: routes that answer whatever the variables are have not read it. */
function configIfAny(c: Context<Env>): Config | undefined {
  try {
    return c.get('config') ?? configOf(c.env ?? {});
  } catch {
    return undefined;
  }
}

/** Returns the body's Content-Length; a body without one is not counted. */
function bytesOf(c: Context<Env>): number | undefined {
  const length = c.req.header('content-length');
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

const shortened = (text: string | undefined) => (text && text.length > LONGEST_WHY ? `${text.slice(0, LONGEST_WHY)}…` : text);

/** Writes JSON in ASCII only, so that no character of a client can end the line in some reader, or reverse its direction. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replaceAll(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

import type { Context, MiddlewareHandler } from 'hono';
import type { Env } from './env.ts';
import { authorize, type Scope } from './keys.ts';
import { limitRate } from './rate-limit.ts';

/** Lets only those requests to a route that `admit` lets through. */
export function protect(scope: Scope): MiddlewareHandler<Env> {
  return async (c, next) => {
    await admit(c, scope);
    await next();
  };
}

/**
 * Lets a request through that has a key with the scope (with `?explain=1` also that for explaining) and comes not too often.
 *
 * @throws ProblemError `unauthorized`, `forbidden`, `too-many-requests`
 */
export async function admit(c: Context<Env>, scope: Scope): Promise<void> {
  const header = c.req.header('authorization');
  const config = c.get('config');
  const caller = await authorize(header, scope, config);
  if (isExplained(c)) await authorize(header, 'explain', config);
  await limitRate(c.env?.RATE_LIMITER, caller.key ?? c.req.header('cf-connecting-ip') ?? 'unknown', config);
  c.set('caller', caller);
}

/** Whether the answer shall say why. */
export const isExplained = (c: Context<Env>): boolean => c.req.query('explain') === '1';

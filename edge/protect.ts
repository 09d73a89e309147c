import type { Context, MiddlewareHandler } from 'hono';
import { clientAddress } from './client-address.ts';
import type { Env } from './env.ts';
import { checkScope, identify, type Scope, unknownKey } from './keys.ts';
import { limitRate } from './rate-limit.ts';

/** Makes middleware that runs `admit` before the route. */
export function protect(scope: Scope): MiddlewareHandler<Env> {
  return async (c, next) => {
    await admit(c, scope);
    await next();
  };
}

/**
 * Lets a request through if it has a key with the scope (with `?explain=1` also the scope `explain`) and is within the rate limit. A known key has a count of its
 * own, whoever else asks from its address; wrong keys are counted by address, apart from requests without a key.
 *
 * @throws ProblemError `unauthorized`, `forbidden`, `too-many-requests`
 */
export async function admit(c: Context<Env>, scope: Scope): Promise<void> {
  const config = c.get('config');
  const { RATE_LIMITER, FAILED_KEY_LIMITER = RATE_LIMITER } = c.env ?? {};
  const address = clientAddress(c.req.header('cf-connecting-ip'));
  const caller = await identify(c.req.header('authorization'), config);
  if (!caller) {
    await limitRate(FAILED_KEY_LIMITER, `failed-key:${address}`, config);
    throw unknownKey();
  }
  c.set('caller', caller);
  await limitRate(RATE_LIMITER, caller.key === null ? `address:${address}` : `key:${caller.key}`, config);
  checkScope(caller, scope, config);
  if (isExplained(c)) checkScope(caller, 'explain', config);
}

/** Says whether the client asked for an explanation. */
export const isExplained = (c: Context<Env>): boolean => c.req.query('explain') === '1';

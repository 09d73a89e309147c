import type { Context, MiddlewareHandler } from 'hono';
import { timingSafeEqual } from 'hono/utils/buffer';
import { sha256 } from '../../shared/bundle/hashes.ts';
import type { Config } from '../config.ts';
import type { Caller, Env } from '../env.ts';
import type { Key, Scope } from '../keys.ts';
import { ProblemError } from '../problem.ts';
import { clientAddress, limitRate } from './rate-limit.ts';

/** A request without a key. */
const ANONYMOUS: Caller = { key: null, scopes: [] };

/**
 * Makes middleware that lets a request through if it has a key with the scope (with `?explain=1` also the scope `explain`) and is within
 * the rate limit. A known key has a count of its own, whoever else asks from its address; wrong keys are counted by address, apart from
 * requests without a key. It throws the problems `unauthorized`, `forbidden` and `too-many-requests`.
 *
 * With the scope null every caller is let through, and a key, which must be a known one, only says who asks.
 *
 * Hono's own bearer-auth has neither scopes nor requests without a key, and answers before wrong keys can be counted.
 */
export function bearerAuth(scope: Scope | null): MiddlewareHandler<Env> {
  return async (c, next) => {
    const config = c.get('config');
    if (scope === null && c.req.header('authorization') === undefined) {
      c.set('caller', ANONYMOUS);
      return next();
    }
    const { RATE_LIMITER, FAILED_KEY_LIMITER = RATE_LIMITER } = c.env ?? {};
    const address = clientAddress(c.req.header('cf-connecting-ip'));
    const caller = await callerOf(c.req.header('authorization'), config.KEYS);
    if (!caller) {
      await limitRate(FAILED_KEY_LIMITER, `failed-key:${address}`, config);
      throw new ProblemError('unauthorized', 'The key is unknown or no longer valid. Ask the operator for another.');
    }
    c.set('caller', caller);
    await limitRate(RATE_LIMITER, caller.key === null ? `address:${address}` : `key:${caller.key}`, config);
    if (scope !== null) checkScope(caller, scope, config);
    if (isExplained(c)) checkScope(caller, 'explain', config);
    await next();
  };
}

/** Says whether the client asks for an explanation. */
export const isExplained = (c: Context<Env>): boolean => c.req.query('explain') === '1';

/** Returns whose key a request carries; null if it carries an unknown or expired key although there are keys. */
async function callerOf(header: string | undefined, keys: readonly Key[]): Promise<Caller | null> {
  if (header === undefined) return ANONYMOUS;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  let caller = keys.length === 0 ? ANONYMOUS : null;
  if (token === undefined) return caller;
  const hash = await sha256(token);
  // Every hash is compared, to its end, so that the time taken reveals nothing about the keys.
  for (const { name, scopes, hash: known, until } of keys)
    if ((await timingSafeEqual(hash, known)) && (until === undefined || Date.now() < until)) caller = { key: name, scopes };
  return caller;
}

/** Checks that a caller has a scope. @throws ProblemError `unauthorized` without a key, `forbidden` if the key lacks the scope */
function checkScope({ key, scopes }: Caller, needed: Scope, { SCREEN_WITHOUT_KEY }: Config): void {
  if (needed === 'screen' && (SCREEN_WITHOUT_KEY === 'on' || scopes.includes('explain'))) return;
  if (scopes.includes(needed)) return;
  if (key === null) throw new ProblemError('unauthorized', `A key with the scope ${needed} is needed: Authorization: Bearer KEY.`);
  throw new ProblemError('forbidden', `The key ${key} does not allow this; the scope ${needed} is needed. Ask the operator.`);
}

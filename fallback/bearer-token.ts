import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';

/** Lets only requests through that carry the token. Hashes are compared, so that the time taken says nothing of it. */
export function bearerToken(token: string): MiddlewareHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(token);
  return async (c, next) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next();
    return c.json({ error: 'a valid token is needed: Authorization: Bearer TOKEN' }, 401, { 'www-authenticate': 'Bearer' });
  };
}

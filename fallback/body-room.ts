import type { MiddlewareHandler } from 'hono';
import { QueueFullError } from './refusals.ts';

/**
 * Bounds the memory that requests take together, from their first byte to their answer.
 *
 * @param maxTotal bytes of all bodies at once
 * @param maxBytes counted for a body that does not say its length
 */
export function bodyRoom(maxTotal: number, maxBytes: number): MiddlewareHandler {
  let taken = 0;
  return async (c, next) => {
    const bytes = Number(c.req.header('content-length') ?? maxBytes);
    if (taken > 0 && taken + bytes > maxTotal) throw new QueueFullError(`requests of ${taken} bytes are under way already`, 1);
    taken += bytes;
    try {
      await next();
    } finally {
      taken -= bytes;
    }
  };
}

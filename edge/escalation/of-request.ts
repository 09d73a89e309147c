import type { Context } from 'hono';
import type { Env } from '../env.ts';
import type { Model, Reclassify } from '../screen.ts';
import { reclassifyOf } from './reclassify.ts';

/** The search of this request's rejected images; null where they are not searched. */
export function escalationOf(c: Context<Env>, { screening }: Model): Reclassify | null {
  const { fetcher, openSearch, waitUntil } = c.get('services');
  const config = c.get('config');
  const resilience = c.get('resilience')(config);
  return reclassifyOf({
    screening,
    config,
    fetcher,
    openSearch,
    waitUntil,
    resilience,
    trace: c.get('trace'),
    fault: (why) => c.get('line').faults.push({ what: 'reclassification-unavailable', why }),
  });
}

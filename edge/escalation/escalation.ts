import type { Context } from 'hono';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { type Trace, traceHeaders } from '../../shared/protocol/trace.ts';
import type { LocalSearch } from '../../shared/runtime/screen.ts';
import type { Model } from '../../shared/screening/model.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { askFallback, FallbackError, partsOf } from './fallback.ts';
import type { Resilience } from './resilience.ts';

/**
 * Reclassifies rejected images, each [H, W, C] in [0, 1]. Returns the scores of each one's best latent, null for an image that was not
 * searched, and null for all if there was no complete and plausible answer.
 */
export type Reclassify = (images: Float32Array[]) => Promise<(Scores | null)[] | null>;

/** The path of rejected images to a search. */
export interface Escalation {
  screening: Screening;
  config: Config;
  fetcher: typeof fetch;
  resilience: Resilience;
  /** Opens the search in the worker itself; undefined if the build has none. */
  openSearch: (() => Promise<LocalSearch>) | undefined;
  /** Lets the runtime finish work on which the isolate's other requests depend, though this request's client is gone. */
  waitUntil: ((work: Promise<unknown>) => void) | undefined;
  trace: Trace;
  /** Logs the reason if images were not searched. */
  fault(why: string): void;
}

/** Returns the escalation of a request; null if rejected images are not reclassified. */
export function escalationOf(c: Context<Env>, { screening }: Model): Reclassify | null {
  const { fetcher, openSearch, waitUntil } = c.get('services');
  const config = c.get('config');
  return reclassifyOf({
    ...{ screening, config, fetcher, openSearch, waitUntil, resilience: c.get('resilience')(config), trace: c.get('trace') },
    fault: (why) => c.get('line').faults.push({ what: 'reclassification-unavailable', why }),
  });
}

/**
 * Returns the search that `RECLASSIFY` asks for. Whatever breaks in it, the images stay rejected, and the log says why.
 *
 * @returns null if rejected images are not searched
 */
export function reclassifyOf(escalation: Escalation): Reclassify | null {
  const { config, fault } = escalation;
  if (config.RECLASSIFY === 'off') return null;
  const search = config.RECLASSIFY === 'local' ? searchLocally : searchByFallback;
  return async (images) => {
    try {
      return await search(images, escalation);
    } catch (error) {
      fault(error instanceof Error ? error.message : String(error));
      return null;
    }
  };
}

/** Asks the fallback, in as many requests as its limits need, one after the other. Results are kept if a later request fails. */
async function searchByFallback(
  images: Float32Array[],
  { screening, config, fetcher, resilience, trace, waitUntil, fault }: Escalation,
): Promise<(Scores | null)[]> {
  // One deadline for all requests and attempts.
  const signal = AbortSignal.timeout(config.FALLBACK_TIMEOUT_MS);
  const deadline = Date.now() + config.FALLBACK_TIMEOUT_MS;
  const headers = traceHeaders(trace);
  const found: (Scores | null)[] = [];
  const ask = async (part: Float32Array[]) => {
    try {
      return await askFallback(part, screening, config, { fetcher, signal, headers, deadline });
    } catch (error) {
      // The fallback answered other parts of this request: there was just too much to search in the time.
      if (signal.aborted && found.length > 0) throw new FallbackError('it searched only some of the images', 'request');
      throw error;
    }
  };
  const askAll = async () => {
    for (const part of partsOf(images, config)) found.push(...(await resilience.run(() => ask(part), { deadline, signal })));
  };
  try {
    const asked = askAll();
    // If it were dropped with the request, it would hold its slot until the deadline: clients that leave could take all of them.
    waitUntil?.(asked.catch(() => undefined));
    await asked;
    return found;
  } catch (error) {
    const why = signal.aborted
      ? `the fallback did not answer within ${config.FALLBACK_TIMEOUT_MS} ms`
      : `the fallback failed: ${error instanceof Error ? error.message : error}`;
    if (found.length === 0) throw new Error(why);
    fault(`${images.length - found.length} of ${images.length} images: ${why}`);
    return images.map((_, i) => found[i] ?? null);
  }
}

/** Searches the first images in the worker, one after the other: each takes a hundred times as long as screening. */
async function searchLocally(images: Float32Array[], { config, openSearch }: Escalation): Promise<(Scores | null)[]> {
  if (!openSearch) throw new Error('this worker was built without the search');
  const search = await openSearch();
  const found: (Scores | null)[] = [];
  for (const [i, image] of images.entries()) found.push(i < config.RECLASSIFY_LOCAL_MAX ? await search(image) : null);
  return found;
}

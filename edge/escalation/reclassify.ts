import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Scores } from '../../shared/decision/scores.ts';
import { type Trace, traceHeaders } from '../../shared/protocol/trace.ts';
import type { Config } from '../config.ts';
import type { SearchHere } from '../inference.ts';
import type { Reclassify } from '../screen.ts';
import { askFallback, FallbackError } from './ask-fallback.ts';
import { partsOf } from './fallback-request.ts';
import type { Resilience } from './resilience.ts';

/** What the search of rejected images needs besides the images. */
export interface Escalation {
  screening: Screening;
  config: Config;
  fetcher: typeof fetch;
  resilience: Resilience;
  /** Opens the search in the worker itself; undefined where the build has none. */
  openSearch: (() => Promise<SearchHere>) | undefined;
  /** Lets the runtime finish what the isolate's other requests depend on, though this request's client is gone. */
  waitUntil: ((work: Promise<unknown>) => void) | undefined;
  trace: Trace;
  /** Called with the reason if images were not searched, for the log. */
  fault(why: string): void;
}

/**
 * Returns the search that `RECLASSIFY` asks for. Whatever breaks in it, the images stay rejected, and the log says why.
 *
 * @returns null if rejected images are not searched
 */
export function reclassifyOf(escalation: Escalation): Reclassify | null {
  const { config, fault } = escalation;
  if (config.RECLASSIFY === 'off') return null;
  const search = config.RECLASSIFY === 'local' ? searchHere : searchElsewhere;
  return async (images) => {
    try {
      return await search(images, escalation);
    } catch (error) {
      fault(error instanceof Error ? error.message : String(error));
      return null;
    }
  };
}

/** Searches by the fallback, in as many requests as its limits need, one after the other. Results stay if a later request fails. */
async function searchElsewhere(
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
      // It answered other parts of this request: there was just too much to search in the time.
      if (signal.aborted && found.length > 0) throw new FallbackError('it searched only some of the images', 'request');
      throw error;
    }
  };
  const askAll = async () => {
    for (const part of partsOf(images, config)) found.push(...(await resilience.run(() => ask(part), { deadline, signal })));
  };
  try {
    const asked = askAll();
    // Dropped with the request, it would keep its slot up to the deadline: clients that leave could take all of them.
    waitUntil?.(asked.catch(() => undefined));
    await asked;
    return found;
  } catch (error) {
    const why = signal.aborted
      ? `the fallback did not answer within ${config.FALLBACK_TIMEOUT_MS} ms`
      : `the fallback is of no use: ${error instanceof Error ? error.message : error}`;
    if (found.length === 0) throw new Error(why);
    fault(`${images.length - found.length} of ${images.length} images: ${why}`);
    return images.map((_, i) => found[i] ?? null);
  }
}

/** One after the other, and only the first ones: each takes a hundred times as long as screening. */
async function searchHere(images: Float32Array[], { config, openSearch }: Escalation): Promise<(Scores | null)[]> {
  if (!openSearch) throw new Error('this worker was built without the search');
  const search = await openSearch();
  const found: (Scores | null)[] = [];
  for (const [i, image] of images.entries()) found.push(i < config.RECLASSIFY_LOCAL_MAX ? await search(image) : null);
  return found;
}

import type { Scores } from '../../shared/scores.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Config } from '../config.ts';
import type { SearchHere } from '../inference.ts';
import type { Reclassify } from '../screen.ts';
import { type Trace, traceHeaders } from '../trace.ts';
import { askFallback } from './ask-fallback.ts';
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
  request: string;
}

/**
 * The search that `RECLASSIFY` asks for. Whatever breaks in it, the images stay rejected, and a line in the log says why.
 *
 * @returns null where rejected images are not searched
 */
export function reclassifyOf(escalation: Escalation): Reclassify | null {
  const { config, request, trace } = escalation;
  if (config.RECLASSIFY === 'off') return null;
  const search = config.RECLASSIFY === 'local' ? searchHere : searchElsewhere;
  return async (images) => {
    try {
      return await search(images, escalation);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      console.warn(JSON.stringify({ event: 'reclassification-unavailable', by: config.RECLASSIFY, why, request, trace: trace.traceId }));
      return null;
    }
  };
}

async function searchElsewhere(
  images: Float32Array[],
  { screening, config, fetcher, resilience, trace, waitUntil }: Escalation,
): Promise<Scores[]> {
  // One deadline for all attempts.
  const signal = AbortSignal.timeout(config.FALLBACK_TIMEOUT_MS);
  const deadline = Date.now() + config.FALLBACK_TIMEOUT_MS;
  const headers = traceHeaders(trace);
  try {
    const found = resilience.run((signal) => askFallback(images, screening, config, { fetcher, signal, headers, deadline }), {
      deadline,
      signal,
    });
    // Dropped with the request, it would keep its slot up to the deadline: clients that leave could take all of them.
    waitUntil?.(found.catch(() => undefined));
    return await found;
  } catch (error) {
    if (signal.aborted) throw new Error(`the fallback did not answer within ${config.FALLBACK_TIMEOUT_MS} ms`);
    throw new Error(`the fallback is of no use: ${error instanceof Error ? error.message : error}`);
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

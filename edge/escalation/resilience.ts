import { FallbackError } from './fallback.ts';

/** After this many failures in a row the breaker opens for a while. */
const FAILURES = 5;
const OPEN_MS = 10_000;
const MAX_RETRIES = 2;
const FIRST_DELAY_MS = 50;
/** The share of first requests that may be retried: a fallback in trouble must not get twice the load. */
const RETRY_SHARE = 0.1;
const MAX_RETRY_TOKENS = 5;

/** The time for which an answer is of use. */
export interface Patience {
  /** In ms since 1970. */
  deadline: number;
  /** Aborts at the deadline. */
  signal: AbortSignal;
}

/** Stands between this isolate and the fallback. Each isolate finds out for itself how the fallback does. */
export interface Resilience {
  /** Runs work. @throws what `work` throws; FallbackError if it is not even tried */
  run<T>(work: (signal: AbortSignal) => Promise<T>, patience: Patience): Promise<T>;
  state(): { breaker: State['is']; free: number; retryTokens: number };
}

/**
 * Combines a bulkhead of `concurrency` requests at once (one more is not queued: it would only wait behind slow ones), a circuit breaker,
 * and retries with jitter out of a budget that first requests fill.
 *
 * No library is used. Those of cockatiel give a place back, and close a breaker, only when the work settles; workerd drops the
 * work of a request whose client is gone, so that places would stay taken for the isolate's life (test/edge/escalation/resilience.test.ts,
 * test/edge-deployed/client-leaves.slow.test.ts). Here both end by themselves.
 */
export function resilienceOf(concurrency: number): Resilience {
  const bulkhead = createBulkhead(concurrency);
  const breaker = createBreaker(FAILURES, OPEN_MS);
  let tokens = MAX_RETRY_TOKENS;
  const mayRetry = (error: unknown) => {
    if (!(error instanceof FallbackError && error.blame === 'network') || tokens < 1) return false;
    tokens -= 1;
    return true;
  };
  async function attempt<T>(work: (signal: AbortSignal) => Promise<T>, { deadline, signal }: Patience): Promise<T> {
    const report = breaker.attempt(deadline);
    if (!report) throw new FallbackError(`it failed ${FAILURES} times in a row and is paused (circuit breaker open)`);
    try {
      const found = await work(signal);
      report(true);
      return found;
    } catch (error) {
      report(error instanceof FallbackError && error.blame === 'request' ? null : false);
      throw error;
    }
  }
  return {
    async run(work, patience) {
      tokens = Math.min(MAX_RETRY_TOKENS, tokens + RETRY_SHARE);
      const release = bulkhead.enter(patience.deadline);
      if (!release) throw new FallbackError(`the limit of ${concurrency} concurrent requests to it is reached`);
      try {
        for (let retries = 0; ; retries++)
          try {
            return await attempt(work, patience);
          } catch (error) {
            if (patience.signal.aborted || retries === MAX_RETRIES || !mayRetry(error)) throw error;
            const delay = Math.random() * FIRST_DELAY_MS * 2 ** (retries + 1);
            await new Promise((resolve) => setTimeout(resolve, delay));
          }
      } finally {
        release();
      }
    },
    state: () => ({ breaker: breaker.state(), free: bulkhead.free(), retryTokens: Math.floor(tokens) }),
  };
}

/** Creates a limit on how much is under way at once, whose places are free again when their time is over. */
export function createBulkhead(places: number) {
  const taken = new Set<{ until: number }>();
  const free = () => {
    for (const place of taken) if (place.until <= Date.now()) taken.delete(place);
    return places - taken.size;
  };
  return {
    /** @param until when the work is over at the latest, in ms since 1970. @returns a function that leaves; null if it is full */
    enter(until: number): (() => void) | null {
      if (free() <= 0) return null;
      const place = { until };
      taken.add(place);
      return () => void taken.delete(place);
    },
    free,
  };
}

type State = { is: 'closed'; failures: number } | { is: 'open'; until: number } | { is: 'half-open'; until: number };

/**
 * Creates a circuit breaker that allows no attempt for `openMs` after `failures` in a row, then one at a time until one succeeds. An
 * attempt that never reports, because workerd dropped it with its request, counts for nothing; another may be made when its time is over.
 */
export function createBreaker(failures: number, openMs: number) {
  let state: State = { is: 'closed', failures: 0 };
  return {
    /**
     * @param until when the attempt is over at the latest, in ms since 1970
     * @returns a function that reports the outcome (null: the attempt says nothing); null if the attempt must not be made
     */
    attempt(until: number): ((succeeded: boolean | null) => void) | null {
      const now = Date.now();
      if (state.is !== 'closed') {
        if (now < state.until) return null;
        state = { is: 'half-open', until };
      }
      const before = state;
      return (succeeded) => {
        // It opened, or another attempt was made, since.
        if (state !== before) return;
        if (succeeded === null) {
          // Another may try at once, or attempts that say nothing would keep it open for good.
          if (state.is === 'half-open') state = { is: 'half-open', until: 0 };
        } else if (succeeded) state = { is: 'closed', failures: 0 };
        else if (state.is === 'closed' && state.failures + 1 < failures) state.failures += 1;
        else state = { is: 'open', until: Date.now() + openMs };
      };
    },
    state: (): State['is'] => state.is,
  };
}

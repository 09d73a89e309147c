import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  handleWhen,
  retry,
  wrap,
} from 'cockatiel';
import { FallbackError } from './ask-fallback.ts';

/** After this many failures in a row the fallback is left alone for a while. */
const FAILURES = 5;
const LEFT_ALONE_MS = 10_000;
const MAX_RETRIES = 2;
/** Of first requests, those that may be asked once more: a fallback in trouble must not get twice the load. */
const RETRY_SHARE = 0.1;
const MAX_RETRY_TOKENS = 5;

/** Stands between this isolate and the fallback: how it does is known to this isolate alone, each has to find out for itself. */
export interface Resilience {
  /** @throws what `work` throws; Error where it is not even tried */
  run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  state(): { breaker: 'closed' | 'open' | 'half-open' | 'isolated'; free: number; retryTokens: number };
}

/**
 * At most `concurrency` requests at once (one more is not queued: it would only wait behind what is slow), a breaker, and retries
 * with jitter out of a budget that first requests fill.
 */
export function resilienceOf(concurrency: number): Resilience {
  let tokens = MAX_RETRY_TOKENS;
  const mayRetry = (error: unknown) => {
    if (!(error instanceof FallbackError && error.transient) || tokens < 1) return false;
    tokens -= 1;
    return true;
  };
  const limit = bulkhead(concurrency, 0);
  const breaker = circuitBreaker(handleAll, { halfOpenAfter: LEFT_ALONE_MS, breaker: new ConsecutiveBreaker(FAILURES) });
  const again = retry(handleWhen(mayRetry), {
    maxAttempts: MAX_RETRIES,
    backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1000 }),
  });
  const policy = wrap(limit, again, breaker);
  return {
    async run(work, signal) {
      tokens = Math.min(MAX_RETRY_TOKENS, tokens + RETRY_SHARE);
      try {
        return await policy.execute(() => work(signal), signal);
      } catch (error) {
        if (error instanceof BrokenCircuitError)
          throw new FallbackError(`it failed ${FAILURES} times in a row and is left alone for a while`);
        if (error instanceof BulkheadRejectedError)
          throw new FallbackError(`${concurrency} requests to it are under way, which are allowed`);
        throw error;
      }
    },
    state: () => ({ breaker: STATES[breaker.state], free: limit.executionSlots, retryTokens: Math.floor(tokens) }),
  };
}

const STATES = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'isolated',
} as const;

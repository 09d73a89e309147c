import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { FallbackError } from './ask-fallback.ts';
import { type Breaker, breakerOf } from './breaker.ts';
import { slotsOf } from './slots.ts';

/** After this many failures in a row the fallback is left alone for a while. */
const FAILURES = 5;
const LEFT_ALONE_MS = 10_000;
const MAX_RETRIES = 2;
/** Of first requests, those that may be asked once more: a fallback in trouble must not get twice the load. */
const RETRY_SHARE = 0.1;
const MAX_RETRY_TOKENS = 5;

/** How long an answer is of use. */
export interface Patience {
  /** In ms since 1970. */
  deadline: number;
  /** Aborts then. */
  signal: AbortSignal;
}

/** Stands between this isolate and the fallback: how it does is known to this isolate alone, each has to find out for itself. */
export interface Resilience {
  /** @throws what `work` throws; FallbackError where it is not even tried */
  run<T>(work: (signal: AbortSignal) => Promise<T>, patience: Patience): Promise<T>;
  state(): { breaker: ReturnType<Breaker['state']>; free: number; retryTokens: number };
}

/**
 * At most `concurrency` requests at once (one more is not queued: it would only wait behind what is slow), a breaker, and retries
 * with jitter out of a budget that first requests fill. Slots and breaker are not cockatiel's, which stay taken for ever where a
 * request is dropped.
 */
export function resilienceOf(concurrency: number): Resilience {
  let tokens = MAX_RETRY_TOKENS;
  const mayRetry = (error: unknown) => {
    if (!(error instanceof FallbackError && error.blame === 'network') || tokens < 1) return false;
    tokens -= 1;
    return true;
  };
  const slots = slotsOf(concurrency);
  const breaker = breakerOf(FAILURES, LEFT_ALONE_MS);
  const again = retry(handleWhen(mayRetry), {
    maxAttempts: MAX_RETRIES,
    backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1000 }),
  });
  return {
    async run(work, { deadline, signal }) {
      tokens = Math.min(MAX_RETRY_TOKENS, tokens + RETRY_SHARE);
      const giveBack = slots.take(deadline);
      if (!giveBack) throw new FallbackError(`${concurrency} requests to it are under way, which are allowed`);
      try {
        return await again.execute(async () => {
          const tell = breaker.attempt(deadline);
          if (!tell) throw new FallbackError(`it failed ${FAILURES} times in a row and is left alone for a while`);
          try {
            const found = await work(signal);
            tell(true);
            return found;
          } catch (error) {
            tell(error instanceof FallbackError && error.blame === 'request' ? null : false);
            throw error;
          }
        }, signal);
      } finally {
        giveBack();
      }
    },
    state: () => ({ breaker: breaker.state(), free: slots.free(), retryTokens: Math.floor(tokens) }),
  };
}

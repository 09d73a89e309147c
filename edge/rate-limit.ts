import type { Config } from './config.ts';
import { ProblemError } from './problem.ts';

/** The binding of Workers that counts (`[[ratelimits]]` in wrangler.toml); it does so per location, approximately. */
interface RateLimit {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/**
 * Counts a request; does nothing if no limiter is bound.
 *
 * @param caller what it is counted against
 * @throws ProblemError `too-many-requests`; `configuration` if the binding fails
 */
export async function limitRate(binding: unknown, caller: string, config: Config): Promise<void> {
  if (binding === undefined) return;
  let answer: { success: boolean };
  try {
    answer = await (binding as RateLimit).limit({ key: caller });
  } catch (error) {
    throw new ProblemError(
      'configuration',
      `The binding that limits the rate failed (${String(error)}). Mend [[ratelimits]] in wrangler.toml.`,
    );
  }
  if (answer?.success === true) return;
  throw new ProblemError(
    'too-many-requests',
    `More requests came from this caller than are allowed. Wait ${config.RATE_LIMIT_PERIOD_S} seconds.`,
    { 'retry-after': String(config.RATE_LIMIT_PERIOD_S) },
  );
}

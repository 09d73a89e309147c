import { barring, fitnessOf, withForced } from '../../shared/bundle/fitness.ts';
import { withChecksums } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { UserError } from '../../shared/user-error.ts';

/** The use of a build, and whether a bundle that is not fit for it is taken anyway. */
export interface Admission {
  use: 'try' | 'deploy';
  force: boolean;
}

/**
 * Reads what wrangler and the operator say in the environment. Everything but `wrangler dev` counts as a deploy.
 *
 * @throws UserError if FORCE is neither 1 nor absent
 */
export function admissionOf({ WRANGLER_COMMAND, FORCE = '' }: NodeJS.ProcessEnv): Admission {
  if (!['', '1'].includes(FORCE)) throw new UserError(`FORCE is ${FORCE}; allowed is 1, to build with a model that is not fit to deploy`);
  return { use: WRANGLER_COMMAND === 'dev' ? 'try' : 'deploy', force: FORCE === '1' };
}

/**
 * Admits a bundle to a build.
 *
 * @returns its description; if it was forced, one that says so
 * @throws UserError if it is not fit
 */
export async function admit(screening: Screening, { use, force }: Admission): Promise<Screening> {
  const barred = barring(screening, use);
  if (barred.length === 0) return screening;
  if (force) return withChecksums(withForced(screening));
  const reasons = barred.map(({ what, todo }) => `- ${what} ${todo}`).join('\n');
  throw new UserError(
    `model ${screening.name} is ${fitnessOf(screening).verdict}, so it is not built into a worker:\n${reasons}\n` +
      'Choose another (MODEL=name), or set FORCE=1 to build it anyway: ' +
      `MODEL=${screening.name} FORCE=1 pnpm wrangler ${use === 'try' ? 'dev' : 'deploy'}`,
  );
}

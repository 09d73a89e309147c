import { UserError } from '../user-error.ts';
import { barring, fitnessOf, withForced } from './fitness.ts';
import { withChecksums } from './hashes.ts';
import type { Screening } from './screening-schema.ts';

/** A model is not fit for its use. The message gives each reason with what to do about it. */
export class UnfitError extends UserError {
  /** What speaks against the model, each with what to do. */
  readonly reasons: readonly { what: string; todo: string }[];
  constructor(message: string, reasons: readonly { what: string; todo: string }[]) {
    super(message);
    this.reasons = reasons.map(({ what, todo }) => ({ what, todo }));
  }
}

/** The use of a bundle, and how its refusal is told. */
export interface Admission {
  use: 'try' | 'deploy';
  /** Takes the bundle even if it is not fit. */
  force: boolean;
  /** What is not done with an unfit model, such as `built into a worker`. */
  refused: string;
  /** What to do instead, as whole sentences. */
  todo: string;
}

/**
 * Admits a bundle to a use.
 *
 * @returns its description; if it was forced, one that records the reasons that were accepted
 * @throws UnfitError if the bundle is not fit for the use and is not forced
 */
export async function admit(screening: Screening, { use, force, refused, todo }: Admission): Promise<Screening> {
  const reasons = barring(screening, use);
  if (reasons.length === 0) return screening;
  if (force) return withChecksums(withForced(screening));
  const told = reasons.map((reason) => `- ${reason.what} ${reason.todo}`).join('\n');
  throw new UnfitError(`model ${screening.name} is ${fitnessOf(screening).verdict}, so it is not ${refused}:\n${told}\n${todo}`, reasons);
}

import { sha256 } from '../shared/sha256.ts';
import type { Config } from './config.ts';
import { ProblemError } from './problem.ts';

/**
 * Checks the bearer token of a request.
 *
 * @throws ProblemError `unauthorized` where tokens are configured and none fits, `forbidden` where it may not explain
 */
export async function authorize(header: string | undefined, explain: boolean, config: Config): Promise<void> {
  const token = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  const mayExplain = await isAmong(token, config.EXPLAIN_TOKENS);
  const mayScreen = config.SCREEN_TOKENS.length === 0 || mayExplain || (await isAmong(token, config.SCREEN_TOKENS));
  if (!mayScreen) throw new ProblemError('unauthorized', 'A valid token is needed: Authorization: Bearer TOKEN.');
  if (explain && !mayExplain)
    throw new ProblemError('forbidden', 'explain=1 needs a token that allows it; leave it out, or ask the operator.');
}

/** Hashes are compared, so that the time taken says nothing of the tokens. */
async function isAmong(token: string | undefined, allowed: string[]): Promise<boolean> {
  if (token === undefined) return false;
  const hash = await sha256(token);
  let found = false;
  for (const candidate of allowed) found = (await sha256(candidate)) === hash || found;
  return found;
}

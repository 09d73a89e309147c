import { randomBytes } from 'node:crypto';
import { SCOPES } from '../edge/keys.ts';
import { sha256 } from '../shared/bundle/hashes.ts';
import { UsageError } from '../shared/user-error.ts';
import { command, printResult, runCommand } from './run-command.ts';

const DESCRIPTION = `Make a bearer key for the worker: the key, for the client, and its entry (name, scopes, hash) for the secret KEYS.
KEYS may hold several; to replace a key, add the new one, change it in the client, then remove the old one.`;

const EXAMPLES = '  pnpm key camera-1\n  pnpm key ops --scopes screen,explain,admin --until 2027-06-30';

const program = command('key', DESCRIPTION, EXAMPLES)
  .argument('<name>', 'name of the key, for logs and the rate limit')
  .option('--scopes <list>', `scopes from ${SCOPES.join(', ')}; explain includes screen`, 'screen')
  .option('--until <date>', 'YYYY-MM-DD: the first day on which it is no longer valid (UTC)')
  .option('--json', 'print JSON')
  .action(async (name: string, { scopes, until, json }: { scopes: string; until?: string; json?: true }) => {
    if (!/^[\w.-]{1,64}$/.test(name))
      throw new UsageError(`${name} is not a key's name: 1 to 64 letters, digits, dots, _ and - are allowed`);
    const list = scopes.split(/[,+]/).map((scope) => scope.trim());
    const unknown = list.find((scope) => !(SCOPES as readonly string[]).includes(scope));
    if (unknown !== undefined) throw new UsageError(`${unknown} is not a scope; there are ${SCOPES.join(', ')}`);
    if (until !== undefined && !(/^\d{4}-\d\d-\d\d$/.test(until) && Date.parse(until) > Date.now()))
      throw new UsageError(`${until} is not a future day as YYYY-MM-DD`);
    const key = `portcullis_${randomBytes(32).toString('base64url')}`;
    const entry = [name, list.join('+'), await sha256(key), ...(until === undefined ? [] : [until])].join(':');
    printResult(
      json,
      { key, entry },
      `key, shown only now:  ${key}\nentry for KEYS:       ${entry}\n` +
        'next: pnpm wrangler secret put KEYS, with this entry and those to keep, separated by commas',
    );
  });

await runCommand(program);

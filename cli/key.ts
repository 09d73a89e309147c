import { randomBytes } from 'node:crypto';
import { SCOPES } from '../edge/keys.ts';
import { sha256 } from '../shared/bundle/hashes.ts';
import { UsageError } from '../shared/user-error.ts';
import { command, runCommand } from './run-command.ts';

const program = command(
  'key',
  'Make a bearer key for the worker: the key, for who asks, and its entry (name, scopes, hash) for the secret KEYS.\n' +
    'KEYS may hold several; to replace a key, add the new one, change it where it is used, then take the old one out.',
  '  pnpm key camera-1\n  pnpm key ops --scopes screen,explain,admin --until 2027-06-30',
)
  .argument('<name>', 'of the key: stands in the logs, and is what is counted for the rate limit')
  .option('--scopes <list>', `of ${SCOPES.join(', ')}; explain includes screen`, 'screen')
  .option('--until <date>', 'YYYY-MM-DD: the first day on which it does not count any more (UTC)')
  .option('--json', 'print JSON')
  .action(async (name: string, { scopes, until, json }: { scopes: string; until?: string; json?: true }) => {
    if (!/^[\w.-]{1,64}$/.test(name))
      throw new UsageError(`${name} is not a key's name: 1 to 64 letters, digits, dots, _ and - are allowed`);
    const list = scopes.split(/[,+]/).map((scope) => scope.trim());
    const odd = list.find((scope) => !(SCOPES as readonly string[]).includes(scope));
    if (odd !== undefined) throw new UsageError(`${odd} is no scope; there are ${SCOPES.join(', ')}`);
    if (until !== undefined && !(/^\d{4}-\d\d-\d\d$/.test(until) && Date.parse(until) > Date.now()))
      throw new UsageError(`${until} is not a day to come, as YYYY-MM-DD`);
    const key = `portcullis_${randomBytes(32).toString('base64url')}`;
    const entry = [name, list.join('+'), await sha256(key), ...(until === undefined ? [] : [until])].join(':');
    if (json) return console.log(JSON.stringify({ key, entry }));
    console.log(`key, shown only now:  ${key}`);
    console.log(`entry for KEYS:       ${entry}`);
    console.log('next: pnpm wrangler secret put KEYS, with this entry and those that stay, with commas between');
  });

await runCommand(program);

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseKeys } from '../../edge/keys.ts';

const key = (...args: string[]) => promisify(execFile)(process.execPath, ['cli/key.ts', ...args]);

describe('pnpm key', () => {
  it('makes a key that its entry is the hash of, another each time', async () => {
    const made = JSON.parse((await key('ops', '--scopes', 'screen,explain', '--until', '2999-12-31', '--json')).stdout);
    expect(made.key).toMatch(/^portcullis_[\w-]{43}$/);
    const hash = createHash('sha256').update(made.key).digest('hex');
    expect(parseKeys(made.entry)).toEqual([{ name: 'ops', scopes: ['screen', 'explain'], hash, until: Date.UTC(2999, 11, 31) }]);
    expect(JSON.parse((await key('ops', '--json')).stdout).key).not.toBe(made.key);
  });

  it.each([[['a b']], [['a', '--scopes', 'everything']], [['a', '--until', '2020-01-01']], [['a', '--until', 'soon']], [[]]])(
    'refuses %o as wrong use',
    async (args) => {
      await expect(key(...args)).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(/error: /) });
    },
  );
});

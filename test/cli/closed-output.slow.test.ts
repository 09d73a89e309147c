import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const SAMPLES = Array.from({ length: 80 }, (_, i) => `test/samples/digit-${i % 10}-a.png`);

/**
 * Runs a command whose standard output nobody reads: `true` ends before the command writes.
 *
 * @param both closes its standard error too
 * @returns its exit code, and what it wrote on standard error
 */
function unread(name: string, args: readonly string[], both = false) {
  const script = `exec 3>&2; { "$@" ${both ? '2>&1' : ''}; echo "exit $?" >&3; } | true`;
  const command = [process.execPath, join(root, 'cli', `${name}.ts`), ...args];
  const { stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], { cwd: root, encoding: 'utf8' });
  const [said, code] = stderr.split(/exit (\d+)\n$/);
  return { said, code: Number(code) };
}

describe('a command whose output nobody reads ends quietly', () => {
  it.each([
    ['train', '--help', 0],
    ['runs', '', 0],
    ['key', '--help', 0],
    ['screen', '--wrong', 2],
  ])('%s %s', (name, option, code) => {
    const args = option === '' ? [] : [option];
    expect(unread(name, args, true)).toEqual({ said: '', code });
  });

  it('screen stops where its lines are all its result, but writes a CSV to its end', async () => {
    expect(unread('screen', ['--model', 'mnist', ...SAMPLES])).toEqual({ said: '', code: 141 });
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
    const csv = join(folder, 'verdicts.csv');
    expect(unread('screen', ['--model', 'mnist', '--csv', csv, ...SAMPLES])).toEqual({ said: '', code: 0 });
    expect((await readFile(csv, 'utf8')).trimEnd().split('\r\n')).toHaveLength(SAMPLES.length + 1);
    await rm(folder, { recursive: true });
  }, 240_000);
});

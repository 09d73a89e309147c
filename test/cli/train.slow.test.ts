import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeOfArguments } from '../../cli/training-program.ts';
import { openRun } from '../../trainer/run.ts';

const cli = join(import.meta.dirname, '../../cli');
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** Runs a command in the temporary folder; `onOutput` sees all that it has said so far. */
function run(args: string[], onOutput: (said: string, kill: (signal: NodeJS.Signals) => void) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
      onOutput(output, (signal) => child.kill(signal));
    });
  }
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, output })));
}

describe('training that is stopped leaves a run that can be read', () => {
  it.each([
    ['SIGINT', 130, null, 'interrupted'],
    ['SIGTERM', 130, null, 'interrupted'],
    ['SIGKILL', null, 'SIGKILL', 'training'],
  ] as const)('by %s', async (stop, code, signal, status) => {
    const name = stop.toLowerCase();
    // A second signal ends it at once.
    let stopped = false;
    const ended = await run([join(cli, 'train.ts'), '--preset', 'quick', '--name', name], (said, kill) => {
      if (stopped || !said.includes('into ')) return;
      stopped = true;
      // Some steps later.
      setTimeout(() => kill(stop), 1500);
    });
    expect(ended).toMatchObject({ code, signal });
    if (code === 130) expect(ended.output).toContain('stopped after 0 whole epochs');
    const { config } = await openRun(name, join(directory, 'runs'));
    expect(config).toMatchObject({ status, epochs: 0, preset: 'quick' });
    const exported = await run([join(cli, 'export.ts'), '--run', name]);
    expect(exported.code).toBe(1);
    expect(exported.output).toContain(
      `run ${name} is ${status} (0 epochs). Train it to its end (pnpm train --resume ${name}), or name another run.`,
    );
  });
});

it('wrong use is exit code 2 and says what is allowed', async () => {
  const cases = [
    [['--preset', 'fast'], /Allowed choices are quick, paper/],
    [['--alpha', '2'], /2 is not a share; a number more than 0 and less than 1/],
    [['--epochs', 'many'], /many is not a whole number/],
    [['--resume', 'x', '--seed', '2'], /--seed can't be given with --resume/],
    [['--epochs', '0'], /0 is too small; a whole number of 1 or more/],
  ] as const;
  const all = await Promise.all(cases.map(([args]) => run([join(cli, 'train.ts'), ...args])));
  for (const [i, ended] of all.entries()) {
    expect(ended.code).toBe(2);
    expect(ended.output).toMatch(cases[i]?.[1] as RegExp);
  }
});

it.each([
  [['--data', 'images', '--image-size', '2048'], /2048 is too large; a whole number of 1 to 1024 is needed/],
  [['--max-minutes', '40000'], /40000 is too large; a whole number of 1 to 35000/],
  [['--threads', '100000'], /100000 is too large; a whole number of 1 to 64/],
])('%j is more than can be', (args, message) => {
  expect(() => recipeOfArguments(args)).toThrow(expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(message) }));
});

it('a name that is no folder is refused', async () => {
  for (const option of ['--name', '--resume']) {
    const ended = await run([join(cli, 'train.ts'), option, '../out/x']);
    expect([ended.code, ended.output]).toEqual([1, expect.stringContaining('"../out/x" is no name; allowed are')]);
  }
  expect(existsSync(join(directory, 'runs/../out'))).toBe(false);
});

it('data that is not there is named, before a run is made', async () => {
  const ended = await run([join(cli, 'train.ts'), '--data-dir', directory, '--name', 'none']);
  expect(ended.code).toBe(1);
  expect(ended.output).toContain(`train-images-idx3-ubyte (plain or .gz) is not in ${directory}`);
  await expect(openRun('none', join(directory, 'runs'))).rejects.toThrow(/is not a run/);
});

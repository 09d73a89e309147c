import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRun } from '../../trainer/run.ts';
import { runInProcess } from './run-in-process.ts';

const cli = join(import.meta.dirname, '../../cli/reference.ts');
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
  await mkdir(join(directory, 'models'));
});
afterAll(() => rm(directory, { recursive: true }));

const recipe = (...train: string[]) => writeFile(join(directory, 'models/reference.json'), JSON.stringify({ tiny: { train } }));

/** `pnpm reference tiny`, which gets `signal` when its training begins. */
function reference(signal: NodeJS.Signals): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [cli, 'tiny', '--backend', 'wasm', '--threads', '1'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, signalled] = ['', false];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      output += text;
      if (signalled || !output.includes('into ')) return;
      signalled = true;
      child.kill(signal);
    });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

it.each(['SIGINT', 'SIGTERM'] as const)('%s stops the training too, which the same command resumes', async (signal) => {
  await recipe('--preset', 'quick', '--epochs', '20');
  await rm(join(directory, 'runs'), { recursive: true, force: true });
  const { code, output } = await reference(signal);
  expect([code, output]).toEqual([130, expect.stringMatching(/stopped after 0 whole epochs.*run the same command again to resume/s)]);
  expect((await openRun('tiny-s1', join(directory, 'runs'))).config).toMatchObject({ status: 'interrupted', epochs: 0 });
});

it('a run of the name that was trained otherwise is neither gone on with nor exported', async () => {
  await recipe('--preset', 'quick', '--epochs', '5', '--alpha', '0.02');
  const { code, err } = await runInProcess('reference', ['tiny', '--backend', 'wasm'], directory);
  expect(code).toBe(1);
  expect(err).toMatch(/runs\/tiny-s1 is not what pnpm train --preset quick --epochs 5 --alpha 0.02 --seed 1 makes: /);
  expect(err).toContain('training.epochs is 20, not 5; calibration.alpha is 0.015, not 0.02. Rename');
});

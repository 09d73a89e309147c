import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRun } from '../../trainer/run.ts';
import { runInProcess } from './run-in-process.ts';

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
    const ended = await run(
      [join(cli, 'train.ts'), '--preset', 'quick', '--backend', 'wasm', '--threads', '1', '--name', name],
      (said, kill) => {
        if (stopped || !said.includes('into ')) return;
        stopped = true;
        kill(stop);
      },
    );
    expect(ended).toMatchObject({ code, signal });
    if (code === 130) expect(ended.output).toContain('stopped after 0 whole epochs');
    const { config } = await openRun(name, join(directory, 'runs'));
    expect(config).toMatchObject({ status, epochs: 0, preset: 'quick' });
    const exported = await runInProcess('export', ['--run', name], directory);
    expect(exported.code).toBe(1);
    expect(exported.err).toContain(
      `run ${name} is ${status} (0 epochs). Train it to its end (pnpm train --resume ${name}), or name another run.`,
    );
  });
});

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, vi } from 'vitest';
import { isRunning } from '../../node/processes/is-running.ts';

const supervise = join(import.meta.dirname, '../../node/processes/supervise.ts');
/** Says its id and that of its child, and would go on for a minute. */
const command = `const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  console.log(JSON.stringify([process.pid, child.pid]));
  setTimeout(() => {}, 60000);`;

it('what was started ends with its starter, even if that is killed', async () => {
  const args = [supervise, process.execPath, '-e', command];
  const starter = `const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify(args)},
    { stdio: ['pipe', 'inherit', 'inherit'], detached: true }); setTimeout(() => {}, 60000);`;
  const started = spawn(process.execPath, ['-e', starter], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [parent, child] = await new Promise<[number, number]>((resolve) =>
    started.stdout.once('data', (text) => resolve(JSON.parse(text))),
  );
  expect([isRunning(parent), isRunning(child)]).toEqual([true, true]);
  started.kill('SIGKILL');
  await vi.waitUntil(() => !isAlive(parent, child), { timeout: 50_000 });
});

it('a program that was run ends with its starter too', async () => {
  const module = pathToFileURL(join(import.meta.dirname, '../../node/processes/run-program.ts')).href;
  const starter = `import { runProgram } from ${JSON.stringify(module)};
    await runProgram(process.execPath, ['-e', ${JSON.stringify(command)}], { output: 'stdout' });`;
  const started = spawn(process.execPath, ['--input-type=module', '-e', starter], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pids = await new Promise<[number, number]>((resolve) => started.stdout.once('data', (text) => resolve(JSON.parse(text))));
  expect(isAlive(...pids)).toBe(true);
  started.kill('SIGKILL');
  await vi.waitUntil(() => !isAlive(...pids), { timeout: 50_000 });
});

it('ends as the command does', async () => {
  const child = spawn(process.execPath, [supervise, process.execPath, '-e', 'process.exit(7)'], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(7);
});

/** A process that has ended but was not fetched by its parent (a zombie, as where process 1 does not) counts as gone. */
function isAlive(...pids: number[]): boolean {
  return pids.some((pid) => isRunning(pid) && !isZombie(pid));
}

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { acquireLock, acquireLocks } from '../../node/files/lock.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

const module = pathToFileURL(join(import.meta.dirname, '../../node/files/lock.ts')).href;

/** A process that takes the lock: `said` is `held`, or why it has not got it; it holds the lock until it is let go. */
function holder(path: string) {
  const code = `import { acquireLock } from ${JSON.stringify(module)};
    try {
      const unlock = await acquireLock('pnpm demo', ${JSON.stringify(path)});
      console.log('held');
      process.stdin.resume().once('end', unlock);
    } catch (error) {
      console.log(error.message);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const said = once(child.stdout, 'data').then(([text]) => String(text).trim());
  const letGo = async () => {
    child.stdin.on('error', () => undefined).end();
    await ended;
  };
  return { said, letGo };
}

/** The id of a process that has ended. */
const gone = () => spawnSync(process.execPath, ['-e', 'process.stdout.write(String(process.pid))']).stdout.toString();

it('the lock of a process that is gone, or of an older one with the same id, is taken over; nothing is left', async () => {
  const path = join(directory, 'runs', '.lock');
  await (await acquireLock('pnpm demo', path))();
  await writeFile(path, `${gone()}-x`);
  await (await acquireLock('pnpm demo', path))();
  await writeFile(path, `${process.pid}-older`);
  await (await acquireLock('pnpm demo', path))();
  expect(await readdir(join(directory, 'runs'))).toEqual([]);
});

it('of several at once, over a lock that was left, one gets it and the others are told who has it', async () => {
  for (let round = 0; round < 3; round++) {
    const path = join(directory, `.lock${round}`);
    await writeFile(path, `${gone()}-left`);
    const holders = [holder(path), holder(path), holder(path)];
    const said = await Promise.all(holders.map((one) => one.said));
    await Promise.all(holders.map((one) => one.letGo()));
    expect(said.filter((text) => text === 'held')).toHaveLength(1);
    for (const text of said.filter((other) => other !== 'held'))
      expect(text).toMatch(/another pnpm demo (is running \(process \d+\)|has just started)/);
  }
});

it('of several locks all are taken, or none', async () => {
  const paths = ['a', 'b', 'c'].map((name) => join(directory, 'each', `.${name}`));
  const held = holder(paths[1] as string);
  expect(await held.said).toBe('held');
  await expect(acquireLocks(paths.map((path) => ['pnpm evaluate', path]))).rejects.toThrow(/another pnpm evaluate is running/);
  expect((await readdir(join(directory, 'each'))).filter((name) => /^\.[abc]$/.test(name))).toEqual(['.b']);
  await held.letGo();
  const unlock = await acquireLocks(paths.map((path) => ['pnpm evaluate', path]));
  expect((await readdir(join(directory, 'each'))).sort()).toEqual(['.a', '.b', '.c']);
  await unlock();
  expect(await readdir(join(directory, 'each'))).toEqual([]);
});

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolder } from '../../node/files/files.ts';
import { acquireLock, acquireLocks, LockError } from '../../node/files/lock.ts';

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

it('of many at once in one process, over a lock that was left, one gets it, and the next when it lets go', async () => {
  const dead = gone();
  for (let round = 0; round < 40; round++) {
    const path = join(directory, 'many', `.lock${round}`);
    await makeFolder(dirname(path));
    // Every other time the process that was taking the lock over is gone too.
    await writeFile(path, `${dead}-left`);
    if (round % 2 === 1) await writeFile(`${path}.${dead}-left.over`, `${dead}-taking`);
    const tries = await Promise.allSettled(Array.from({ length: 12 }, () => acquireLock('pnpm demo', path)));
    const releases = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(releases).toHaveLength(1);
    for (const one of tries) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(LockError);
    await releases[0]?.();
    await (await acquireLock('pnpm demo', path))();
    expect(await readdir(join(directory, 'many'))).toEqual([]);
  }
});

it('of several processes at once, over each of a hundred locks that were left, one gets it', async () => {
  const paths = Array.from({ length: 100 }, (_, i) => join(directory, 'race', `.lock${i}`));
  await makeFolder(join(directory, 'race'));
  const dead = gone();
  for (const path of paths) await writeFile(path, `${dead}-left`);
  // All begin with the next one at the same moment, and hold what they got until all are through.
  const code = `import { acquireLock } from ${JSON.stringify(module)};
    const got = [];
    for (const [i, path] of ${JSON.stringify(paths)}.entries()) {
      while (Date.now() < ${Date.now() + 2500} + 20 * i);
      await acquireLock('pnpm demo', path).then(() => got.push(i), () => undefined);
    }
    console.log(JSON.stringify(got));
    process.stdin.resume();`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const got = await Promise.all(children.map(async ({ stdout }) => JSON.parse(String((await once(stdout, 'data'))[0])) as number[]));
  for (const child of children) child.stdin.end();
  expect(got.flat().sort((a, b) => a - b)).toEqual(paths.map((_, i) => i));
});

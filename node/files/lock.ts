import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { isRunning } from './replace-directory.ts';

/** Another process holds the lock. The message names it, and the file. */
export class LockError extends Error {
  override name = 'LockError';
}

/**
 * Makes sure that of a command that uses fixed folders only one is at work. The lock of a process that is gone is taken over.
 *
 * @returns gives the lock back
 * @throws LockError naming the process that holds it, and the file
 */
export async function onlyOne(command: string, path: string): Promise<() => Promise<void>> {
  await makeFolder(dirname(path));
  const mine = `${process.pid}-${crypto.randomUUID()}`;
  const own = `${path}.${mine}.tmp`;
  const holderOf = (file: string) => readFile(file, 'utf8').catch(() => '');
  try {
    await writeFile(own, mine);
    for (let attempt = 0; attempt < 5; attempt++) {
      // A link is made whole or not at all: nobody reads a lock without its holder.
      if (await linked(own, path)) {
        return async () => {
          if ((await holderOf(path)) === mine) await rm(path, { force: true });
        };
      }
      const holder = await holderOf(path);
      if (isAtWork(holder)) {
        throw new LockError(
          `another ${command} is at work (process ${Number.parseInt(holder, 10)}). Wait for it, or stop it. If that process is something else, remove ${path}.`,
        );
      }
      // Only one can rename it away; where that was already the lock of a new holder, it goes back.
      const aside = `${own}.old`;
      if (await renamed(path, aside)) {
        if (isAtWork(await holderOf(aside))) await linked(aside, path);
        await rm(aside, { force: true });
      }
    }
    throw new LockError(`another ${command} has just started. Wait for it, or stop it.`);
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * The same for several, each a command with its lock: all of them, or none.
 *
 * @throws LockError
 */
export async function onlyOneOfEach(locks: readonly (readonly [command: string, path: string])[]): Promise<() => Promise<void>> {
  const taken: (() => Promise<void>)[] = [];
  const unlock = async () => {
    for (const one of taken) await one();
  };
  try {
    for (const [command, path] of locks) taken.push(await onlyOne(command, path));
  } catch (error) {
    await unlock();
    throw error;
  }
  return unlock;
}

/** Not this process itself: a lock with its id is an older one's, as after the restart of a container. */
function isAtWork(holder: string): boolean {
  const pid = Number.parseInt(holder, 10);
  return pid > 0 && pid !== process.pid && isRunning(pid);
}

const linked = (from: string, to: string) => succeeds(link(from, to), 'EEXIST');
const renamed = (from: string, to: string) => succeeds(rename(from, to), 'ENOENT');

async function succeeds(work: Promise<void>, otherwise: string): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === otherwise) return false;
    throw error;
  }
}

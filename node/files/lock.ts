import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../../shared/user-error.ts';
import { isRunning } from '../processes/is-running.ts';
import { makeFolder } from './files.ts';

/** Another process holds the lock. The message names that process and the lock file. */
export class LockError extends UserError {
  override readonly exitCode = 2;
}

/**
 * Takes a lock file, so that only one process runs a command on its folders. The lock of a process that is gone is taken over.
 *
 * @returns releases the lock
 * @throws LockError if another process holds it
 */
export async function acquireLock(command: string, path: string): Promise<() => Promise<void>> {
  await makeFolder(dirname(path));
  const mine = `${process.pid}-${crypto.randomUUID()}`;
  const own = `${path}.${mine}.tmp`;
  const holderOf = (file: string) => readFile(file, 'utf8').catch(() => '');
  try {
    await writeFile(own, mine);
    for (let attempt = 0; attempt < 5; attempt++) {
      // A link is made whole or not at all: nobody reads a lock file without its holder.
      if (await succeeds(link(own, path), 'EEXIST')) {
        return async () => {
          if ((await holderOf(path)) === mine) await rm(path, { force: true });
        };
      }
      const holder = await holderOf(path);
      if (isAlive(holder)) {
        throw new LockError(
          `another ${command} is running (process ${Number.parseInt(holder, 10)}). Wait for it or stop it. ` +
            `If that process is something else, remove ${path}.`,
        );
      }
      // Only one process can rename the file away. If it was the lock of a new holder by then, it goes back.
      const stale = `${own}.old`;
      if (await succeeds(rename(path, stale), 'ENOENT')) {
        if (isAlive(await holderOf(stale))) await succeeds(link(stale, path), 'EEXIST');
        await rm(stale, { force: true });
      }
    }
    throw new LockError(`another ${command} has just started. Wait for it or stop it.`);
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Takes several locks, each for a command: all of them or none.
 *
 * @returns releases them
 * @throws LockError if another process holds one of them
 */
export async function acquireLocks(locks: readonly (readonly [command: string, path: string])[]): Promise<() => Promise<void>> {
  const releases: (() => Promise<void>)[] = [];
  const releaseAll = async () => {
    for (const release of releases) await release();
  };
  try {
    for (const [command, path] of locks) releases.push(await acquireLock(command, path));
  } catch (error) {
    await releaseAll();
    throw error;
  }
  return releaseAll;
}

/** Returns true if the holder's process runs. A lock with this process's own id is an older one's, as after the restart of a container. */
function isAlive(holder: string): boolean {
  const pid = Number.parseInt(holder, 10);
  return pid > 0 && pid !== process.pid && isRunning(pid);
}

/** Awaits an operation. @returns false if it failed with this error code */
async function succeeds(operation: Promise<void>, code: string): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false;
    throw error;
  }
}

import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { UserError } from '../../shared/user-error.ts';
import { isRunning } from '../processes/is-running.ts';
import { makeFolder } from './files.ts';

/** Another process holds the lock. The message names that process and the lock file. */
export class LockError extends UserError {
  override readonly exitCode = 2;
}

/** What this process writes into the locks that it holds or tries to take. */
const held = new Set<string>();

/**
 * Takes a lock file, so that only one process runs a command on its folders. The lock of a process that is gone is taken over.
 *
 * @returns releases the lock
 * @throws LockError if another process holds it, or this one does
 */
export async function acquireLock(command: string, path: string): Promise<() => Promise<void>> {
  await makeFolder(dirname(path));
  const mine = `${process.pid}-${crypto.randomUUID()}`;
  const own = `${path}.${mine}.tmp`;
  const release = async () => {
    if ((await holderOf(path)) === mine) await rm(path, { force: true });
    held.delete(mine);
  };
  held.add(mine);
  try {
    await writeFile(own, mine);
    for (let attempt = 0; attempt < 50; attempt++) {
      // A link is made whole or not at all: nobody reads a lock file without its holder.
      if ((await succeeds(link(own, path), 'EEXIST')) || (await takeOver(command, path, own))) return release;
      await setTimeout(20);
    }
    throw new LockError(`another ${command} has just started. Wait for it or stop it.`);
  } catch (error) {
    held.delete(mine);
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Replaces the lock of a process that is gone by `own`. It is never absent meanwhile, or a third process could take it between the look
 * and the change. Only who holds the lock of that one lock may replace it, so that of two that saw it one does.
 *
 * @returns false if it was released meanwhile, or another process is taking it over
 * @throws LockError if its holder lives
 */
async function takeOver(command: string, path: string, own: string): Promise<boolean> {
  const holder = await holderOf(path);
  if (holder === null) return false;
  if (isAlive(holder))
    throw new LockError(
      `another ${command} is running (process ${Number.parseInt(holder, 10)}). Wait for it or stop it. ` +
        `If that process is something else, remove ${path}.`,
    );
  let release: () => Promise<void>;
  try {
    release = await acquireLock(command, `${path}.${holder.replaceAll(/[^\w-]/g, '').slice(0, 60)}.over`);
  } catch (error) {
    if (error instanceof LockError) return false;
    throw error;
  }
  try {
    if ((await holderOf(path)) !== holder) return false;
    await rename(own, path);
    return true;
  } finally {
    await release();
  }
}

/** @returns what the holder wrote into a lock file; null if there is none */
function holderOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

/** How long `withLock` waits for what another process does under the lock, in milliseconds. */
const PATIENCE = 60_000;

/** Does short work under a lock, for which it waits. @throws LockError if another process holds the lock for a minute; what the work throws */
export async function withLock<T>(command: string, path: string, work: () => Promise<T>): Promise<T> {
  const release = await waitForLock(command, path);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function waitForLock(command: string, path: string): Promise<() => Promise<void>> {
  for (const until = Date.now() + PATIENCE; ; ) {
    try {
      return await acquireLock(command, path);
    } catch (error) {
      if (!(error instanceof LockError) || Date.now() > until) throw error;
      await setTimeout(50);
    }
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

/**
 * Returns true if the holder's process runs. A lock with this process's own id that it does not hold is an older one's, as after the
 * restart of a container.
 */
function isAlive(holder: string): boolean {
  const pid = Number.parseInt(holder, 10);
  return pid === process.pid ? held.has(holder) : pid > 0 && isRunning(pid);
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

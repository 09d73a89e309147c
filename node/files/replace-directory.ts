import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from './make-folder.ts';

/** The target holds something that Portcullis did not make, or another command is at work on it; nothing was touched. */
export class ReplaceError extends Error {
  override name = 'ReplaceError';
}

/** Where the old folder is while the new one takes its place. */
const asideOf = (directory: string) => join(dirname(directory), `.${basename(directory)}.old.tmp`);

/** A folder beside the target, on the same file system, in which this process makes the new one. */
const freshOf = (directory: string) => join(dirname(resolve(directory)), `.${basename(resolve(directory))}.${process.pid}.tmp`);

/**
 * Mends what a replacement left that was killed: the old folder goes back where no new one came, else it is removed; so are
 * unfinished folders of processes that are gone. Does nothing otherwise.
 */
export async function recoverDirectory(directory: string): Promise<void> {
  const target = resolve(directory);
  const beside = await entriesOf(dirname(target));
  const aside = asideOf(target);
  if (beside?.includes(basename(aside))) {
    if (beside.includes(basename(target))) await rm(aside, { recursive: true, force: true });
    else await rename(aside, target);
  }
  const prefix = `.${basename(target)}.`;
  for (const name of beside ?? []) {
    const pid = name.startsWith(prefix) ? /^(\d+)\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid && !isRunning(Number(pid))) await rm(join(dirname(target), name), { recursive: true, force: true });
  }
}

/**
 * Makes a folder anew: `write` fills one beside it, which then takes its place as a whole. Where that fails nothing is left
 * beside, and what was there is as it was.
 *
 * @param mark a file or folder that `directory` must hold to be replaced, unless it is empty
 * @throws ReplaceError, and what `write` throws
 */
export async function rebuildDirectory<T>(directory: string, mark: string, write: (fresh: string) => Promise<T>): Promise<T> {
  await recoverDirectory(directory);
  const fresh = freshOf(directory);
  try {
    await rm(fresh, { recursive: true, force: true });
    await makeFolder(fresh);
    const written = await write(fresh);
    await replaceDirectory(directory, fresh, mark);
    return written;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * Puts the folder `fresh` in the place of `directory`. The name always stands for a whole folder or, between the two renames,
 * for none; a process killed just there leaves both whole, beside, and `recoverDirectory` puts the old one back.
 *
 * @param mark a file that a folder must hold to be replaced, unless it is empty
 * @throws ReplaceError where the folder is somebody else's. Any other error: the old folder is back in its place
 */
export async function replaceDirectory(directory: string, fresh: string, mark: string): Promise<void> {
  const target = resolve(directory);
  const aside = asideOf(target);
  const present = await entriesOf(target);
  if (present && present.length > 0 && !present.includes(mark)) {
    throw new ReplaceError(
      `${directory} has files but no ${mark}: it was not made by Portcullis and is not replaced. Choose another name.`,
    );
  }
  if (!present) return rename(fresh, target);
  await rename(target, aside).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOTEMPTY' || error.code === 'EEXIST'
      ? new ReplaceError(`${aside} is there: another command is writing ${directory}, or was killed. Wait for it, then try again.`)
      : error;
  });
  try {
    await rename(fresh, target);
  } catch (error) {
    await rename(aside, target);
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** Undefined where there is no such folder. @throws for a file in its place */
async function entriesOf(directory: string): Promise<string[] | undefined> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Whether there is a process with this id, of whatever user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../../shared/user-error.ts';
import { isRunning } from '../processes/is-running.ts';
import { makeFolder } from './files.ts';

/** The target holds files that Portcullis did not make, or another command is writing it; nothing was changed. */
export class ReplaceError extends UserError {}

/** Returns the name that the old folder has while the new one takes its place. */
const oldName = (directory: string) => join(dirname(directory), `.${basename(directory)}.old.tmp`);

/** Returns the folder, on the same file system, in which this process makes the new one. */
const freshName = (directory: string) => join(dirname(resolve(directory)), `.${basename(resolve(directory))}.${process.pid}.tmp`);

/**
 * Repairs what a killed replacement left: puts the old folder back if no new one arrived and removes it otherwise, and removes the
 * unfinished folders of processes that are gone. Does nothing if there is nothing to repair.
 */
export async function recoverFolder(directory: string): Promise<void> {
  const target = resolve(directory);
  const siblings = (await entriesOf(dirname(target))) ?? [];
  const old = oldName(target);
  if (siblings.includes(basename(old))) {
    if (siblings.includes(basename(target))) await rm(old, { recursive: true, force: true });
    else await rename(old, target);
  }
  const prefix = `.${basename(target)}.`;
  for (const name of siblings) {
    const pid = name.startsWith(prefix) ? /^(\d+)\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid && !isRunning(Number(pid))) await rm(join(dirname(target), name), { recursive: true, force: true });
  }
}

/**
 * Makes a folder again: `write` fills a temporary folder, which then replaces `directory` as a whole. If that fails, the old folder
 * stays as it was and no temporary folder is left.
 *
 * @param mark a file or folder that a non-empty `directory` must hold to be replaced
 * @throws ReplaceError, and whatever `write` throws
 */
export async function rebuildFolder<T>(directory: string, mark: string, write: (fresh: string) => Promise<T>): Promise<T> {
  await recoverFolder(directory);
  const fresh = freshName(directory);
  try {
    await rm(fresh, { recursive: true, force: true });
    await makeFolder(fresh);
    const written = await write(fresh);
    await replaceFolder(directory, fresh, mark);
    return written;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * Puts the folder `fresh` in the place of `directory`. The name always stands for a whole folder or, between the two renames, for none;
 * a process killed just there leaves both folders whole, and `recoverFolder` puts the old one back.
 *
 * @param mark a file or folder that a non-empty `directory` must hold to be replaced
 * @throws ReplaceError if Portcullis did not make the folder. After any other error the old folder is back in its place
 */
export async function replaceFolder(directory: string, fresh: string, mark: string): Promise<void> {
  const target = resolve(directory);
  const old = oldName(target);
  const present = await entriesOf(target);
  if (present && present.length > 0 && !present.includes(mark)) {
    throw new ReplaceError(
      `${directory} has files but no ${mark}: it was not made by Portcullis and is not replaced. Choose another name.`,
    );
  }
  if (!present) return rename(fresh, target);
  await rename(target, old).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOTEMPTY' || error.code === 'EEXIST'
      ? new ReplaceError(`${old} exists: another command is writing ${directory}, or was killed. Wait for it, then try again.`)
      : error;
  });
  try {
    await rename(fresh, target);
  } catch (error) {
    await rename(old, target);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

/** Lists a folder. @returns undefined if it does not exist. @throws if a file stands in its place */
async function entriesOf(directory: string): Promise<string[] | undefined> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isRunning } from '../export/replace-directory.ts';
import { UsageError } from './run-command.ts';

/**
 * Makes sure that of a command that uses fixed folders only one is at work. The lock of a process that is gone is taken over.
 *
 * @returns gives the lock back
 * @throws UsageError naming the process that holds it
 */
export async function onlyOne(command: string, path: string): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}.tmp`;
  await writeFile(own, String(process.pid));
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      // A link is made whole or not at all: nobody reads a lock without its holder.
      const error = await link(own, path).then(
        () => null,
        (error: NodeJS.ErrnoException) => error,
      );
      if (!error) return () => rm(path, { force: true });
      if (error.code !== 'EEXIST') throw error;
      const holder = Number(await readFile(path, 'utf8').catch(() => ''));
      if (holder > 0 && isRunning(holder))
        throw new UsageError(`another ${command} is at work (process ${holder}). Wait for it, or stop it.`);
      await rm(path, { force: true });
    }
    throw new UsageError(`another ${command} has just started. Wait for it, or stop it.`);
  } finally {
    await rm(own, { force: true });
  }
}

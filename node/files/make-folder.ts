import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those that it lies in, where they are not there yet.
 *
 * @throws Error with `code`, such as EROFS: Node's own `recursive` says ENOENT of a file system that is read-only
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    let first = resolve(path);
    while (dirname(first) !== first && !(await stat(dirname(first)).catch(() => null))) first = dirname(first);
    await mkdir(first);
    await mkdir(path, { recursive: true });
  }
}

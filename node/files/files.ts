import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Keeps the temporary names of concurrent writes of one file apart. */
let writes = 0;

/** Writes a file under a temporary name and renames it: a reader never sees half of it, and a failed write leaves the old file. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}-${writes++}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Makes a folder and its missing parents.
 *
 * @throws Error with `code`, such as EROFS. Node's own `recursive` reports ENOENT for a read-only file system
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

/** Parses JSON that may be damaged. @returns the value, or null if the text is not JSON */
export function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Days without use after which decoded images that no run keeps are removed. */
export const DAYS_UNUSED = 7;

const DAY = 24 * 60 * 60 * 1000;

/**
 * Removes from a cache the decoded images that no run keeps (a run's are another name of the same file) and that were not used for a
 * week, and what killed processes left.
 *
 * @returns the bytes that stay and are no run's
 */
export async function pruneCache(cache: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(cache).catch(() => [] as string[])) {
    if (!/\.levels(\.[\w-]+\.tmp)?$/.test(name)) continue;
    const path = join(cache, name);
    const found = await stat(path).catch(() => null);
    if (!found || found.nlink > 1) continue;
    const isOld = Date.now() - found.mtimeMs > (name.endsWith('.tmp') ? 1 : DAYS_UNUSED) * DAY;
    if (!isOld) bytes += found.size;
    else for (const file of [path.replace(/levels$/, 'json'), path]) await rm(file, { force: true });
  }
  return bytes;
}

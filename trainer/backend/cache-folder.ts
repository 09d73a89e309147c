import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where installed backends live, outside of node_modules: $PORTCULLIS_CACHE, else portcullis in $XDG_CACHE_HOME or ~/.cache. */
export function backendsFolder(): string {
  const cache = process.env.PORTCULLIS_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portcullis');
  // Libraries are loaded by their whole path only.
  return resolve(cache, 'backends');
}

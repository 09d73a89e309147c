import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where installed backends live, outside of node_modules: $PORTCULLIS_CACHE, else portcullis in $XDG_CACHE_HOME or ~/.cache. */
export function backendsFolder(): string {
  const cache = process.env.PORTCULLIS_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portcullis');
  return join(cache, 'backends');
}

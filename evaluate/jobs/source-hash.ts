import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ATTACKS = join(import.meta.dirname, '../../attacks');
/** The whole of an import, whether it is of types alone, and the file. */
const IMPORT = /^(?:import|export)( type)?\b[^;]*?'(\.[^']+\.ts)';/gm;

/**
 * sha256 of the files of `attacks/` that a module uses, itself or through others: outcomes of other attacks are not mixed with theirs, and a
 * change that does not concern them costs nothing.
 *
 * @param source URL of the module
 */
export function attacksHash(source: string): string {
  const [seen, todo] = [new Set<string>(), [fileURLToPath(source)]];
  for (let file = todo.pop(); file; file = todo.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, types, other] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      // Types from elsewhere say nothing of what is done.
      if (!types || file.startsWith(ATTACKS)) todo.push(join(dirname(file), other as string));
    }
  }
  const hash = createHash('sha256');
  const names = [...seen].map((file) => relative(ATTACKS, file)).filter((name) => !name.startsWith('..'));
  for (const name of names.sort()) hash.update(name).update(readFileSync(join(ATTACKS, name)));
  return hash.digest('hex');
}

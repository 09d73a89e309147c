import { join } from 'node:path';
import { acquireLocks } from '../node/files/lock.ts';

/**
 * Makes sure that nobody else does the same jobs or writes the same report. Shards of one cut may be at work side by side.
 *
 * @param folders of the jobs
 * @param report folder of the report
 * @returns gives the locks back
 * @throws LockError
 */
export function lockEvaluation(
  folders: readonly string[],
  report: string,
  shard: { part: number; of: number } | undefined,
): Promise<() => Promise<void>> {
  const { part, of } = shard ?? { part: 0, of: 1 };
  const locks = new Map(folders.map((folder) => [join(folder, `.${part + 1}-of-${of}.lock`), folder]));
  if (!shard) locks.set(join(report, '.report.lock'), report);
  return acquireLocks([...locks].map(([path, folder]) => [`evaluation into ${folder}`, path]));
}

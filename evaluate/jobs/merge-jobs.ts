import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJsonOrNull, writeAtomically } from '../../node/files/files.ts';
import { DataError } from '../../trainer/data/dataset.ts';
import { jobResultSchema } from './job.ts';
import type { Key } from './run-jobs.ts';

/**
 * Brings the jobs of other folders, of shards that other machines did, into one. Only those of this very evaluation: another one's would take the
 * place of what was done here.
 *
 * @returns how many
 * @throws DataError where a folder holds none, or one of another bundle, seed, backend or attack
 */
export async function mergeJobs(from: readonly string[], folder: string, key: Key): Promise<number> {
  await mkdir(folder, { recursive: true });
  let merged = 0;
  for (const directory of from) {
    const files = (await readdir(directory).catch(() => [] as string[])).filter((file) => file.endsWith('.json') && file !== 'report.json');
    let here = 0;
    for (const file of files) {
      const text = await readFile(join(directory, file), 'utf8');
      const result = jobResultSchema.safeParse(parseJsonOrNull(text)).data as Record<string, unknown> | undefined;
      if (!result) throw new DataError(`${join(directory, file)} is damaged, or no job's file. Copy it again.`);
      for (const [name, value] of Object.entries(key))
        if (result[name] !== value)
          throw new DataError(`${join(directory, file)} is of another evaluation: its ${name} is ${result[name]}, not ${value}`);
      await writeAtomically(join(folder, file), text);
      here++;
    }
    if (here === 0) throw new DataError(`${directory} holds no jobs; a shard's folder is needed, runs/evaluate/NAME-ID/PROTOCOL`);
    merged += here;
  }
  return merged;
}

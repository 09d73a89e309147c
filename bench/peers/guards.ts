import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withChecksums } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { startWorkerd, type Workerd } from '../workerd.ts';

/** A threshold that no image exceeds. */
const EVERYTHING = 1e300;

/**
 * Builds the worker once, as `wrangler deploy` would upload it, and starts it in workerd under several names, each with its own variables.
 *
 * @param model folder in models/
 * @param services variables by name
 * @param acceptAll uses thresholds that every image meets, so that the readers alone decide what passes
 */
export async function startGuards(
  model: string,
  services: Record<string, Record<string, string>>,
  { acceptAll }: { acceptAll: boolean },
): Promise<Workerd> {
  const directory = await mkdtemp(join(tmpdir(), 'portcullis-guards-'));
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, MODEL: model, WRANGLER_SEND_METRICS: 'false' },
  });
  if (acceptAll) await acceptEverything(directory);
  const named = Object.entries(services).map(([name, variables]) => [name, { directory: '.', variables }] as const);
  const workerd = await startWorkerd(directory, Object.fromEntries(named));
  return {
    ...workerd,
    close: async () => {
      await workerd.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Replaces the thresholds in the output of a dry run and seals it again; the graphs and the model's identity stay. */
async function acceptEverything(directory: string): Promise<void> {
  const file = (await readdir(directory)).find((name) => name.endsWith('screening.json.txt'));
  if (!file) throw new Error(`${directory} has no screening.json.txt: it is not what wrangler deploy --dry-run --outdir writes`);
  const { id: _, checksum: __, ...content } = JSON.parse(await readFile(join(directory, file), 'utf8')) as Screening;
  const all = content.classes.map(() => EVERYTHING);
  const thresholds = Object.fromEntries(Object.keys(content.thresholds).map((name) => [name, all])) as typeof content.thresholds;
  await writeFile(join(directory, file), JSON.stringify(await withChecksums({ ...content, thresholds, evidence: [] })));
}

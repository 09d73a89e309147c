import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modulesOf, startWorkerd } from '../workerd.ts';

export interface DeployedWorker {
  url: string;
  pid: number;
  /** Its exit, if it ended on its own; null while it runs. */
  ended(): string | null;
  close(): Promise<void>;
}

/** Builds the worker as `wrangler deploy` would upload it. @param prefix goes before its script. @returns a new folder with its files */
export async function buildDeployed(model: string, prefix = ''): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'portcullis-worker-'));
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, MODEL: model, WRANGLER_SEND_METRICS: 'false' },
  });
  if (prefix) {
    const script = join(directory, (await modulesOf(directory))[0] as string);
    await writeFile(script, `${prefix}\n${await readFile(script, 'utf8')}`);
  }
  return directory;
}

/**
 * The worker as `wrangler deploy` would upload it, with variables, in workerd on a free port of loopback.
 *
 * @param model folder in models/
 * @param prefix goes before its script
 */
export async function startDeployed(
  model: string,
  variables: Record<string, string>,
  prefix = '',
  v8Flags: readonly string[] = [],
): Promise<DeployedWorker> {
  const directory = await buildDeployed(model, prefix);
  const { urls, pid, ended, close } = await startWorkerd(directory, { screen: { directory: '.', variables } }, v8Flags);
  return {
    url: urls.screen as string,
    pid,
    ended,
    close: async () => {
      await close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

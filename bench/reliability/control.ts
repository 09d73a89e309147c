import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWorkerd } from '../workerd.ts';
import type { DeployedWorker } from './deployed-worker.ts';

/** The least that reads a body, and takes an id as ours does (collecting.ts): what it grows by is the runtime's own. */
const SCRIPT =
  'export default { async fetch(request) { crypto.randomUUID(); return new Response(String((await request.arrayBuffer()).byteLength)); } }';

/**
 * A worker of one line in a workerd of its own, to compare the memory with.
 *
 * @param prefix goes before its script
 */
export async function startControl(prefix = '', v8Flags: readonly string[] = []): Promise<DeployedWorker> {
  const directory = await mkdtemp(join(tmpdir(), 'portcullis-control-'));
  const { urls, pid, ended, close } = await startWorkerd(directory, { control: { script: `${prefix}\n${SCRIPT}` } }, v8Flags);
  return {
    url: urls.control as string,
    pid,
    ended,
    close: async () => {
      await close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

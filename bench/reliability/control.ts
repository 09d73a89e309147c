import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWorkerd } from '../workerd.ts';
import type { DeployedWorker } from './deployed-worker.ts';

export const COLLECTING_FLAGS = ['--expose-gc'];

/**
 * Goes before a worker's script: collects all garbage at every so many requests, by the id that each takes. Of itself V8 seldom does: it
 * does not know of the memory that workerd keeps behind each small object of a request, so that what is resident shows when V8
 * collected last, not what a worker keeps.
 * Not by its bare name, which a minified script has for itself.
 */
export const collecting = (every: number): string => `{
  const randomUUID = crypto.randomUUID.bind(crypto);
  let count = 0;
  crypto.randomUUID = () => {
    if (++count % ${every} === 0) globalThis.gc();
    return randomUUID();
  };
}`;

export const COLLECTING = collecting(200);

/** The least that reads a body, and takes an id as ours does: what it grows by is the runtime's own. */
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

import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backendsFolder } from '../cache-folder.ts';
import { findInstallations } from '../tensorflow/installations.ts';
import { findCudaProviders } from './cuda-provider.ts';

/**
 * Removes what was installed here, downloads and what killed installs left too, and nothing else. No install may be at work.
 *
 * @returns the folders that were removed
 */
export async function removeBackends(folder = backendsFolder()): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const installed = findInstallations(folder).flatMap(({ origin, directory }) => (origin === 'installed' ? [directory] : []));
  const providers = findCudaProviders(folder).map(({ directory }) => directory);
  const left = (await readdir(folder)).filter((name) => name === 'downloads' || /^\.(tensorflow|onnxruntime-cuda)-.*\.tmp$/.test(name));
  const removed = [...installed, ...providers, ...left.map((name) => join(folder, name))];
  for (const directory of removed) await rm(directory, { recursive: true, force: true });
  return removed;
}

/** Removes the folder of the backends, and the cache's, where nothing is left in them. */
export async function removeIfEmpty(folder = backendsFolder()): Promise<void> {
  for (const directory of [folder, dirname(folder)]) await rmdir(directory).catch(() => {});
}

import { readdir, rm, stat, statfs } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { makeFolder, writeAtomically } from '../../../node/files/files.ts';
import { rebuildFolder } from '../../../node/files/replace-folder.ts';
import { BackendError } from '../backend.ts';
import { bytesOf, changedFile, type InstallationRecord, MACHINE, RECORD, readRecord } from '../cache.ts';
import { backendsFolder } from '../cache-folder.ts';
import type { Manifest } from './manifests.ts';
import { fetchWheels } from './pip.ts';
import { unpackWheel } from './unpack-wheel.ts';

export interface InstallOptions {
  /** By default that of the cache. */
  folder?: string;
  signal?: AbortSignal;
  /** Where pip shows its progress. */
  output: 'stdout' | 'stderr' | 'kept';
  say(line: string): void;
  /** Puts what no wheel has into the new folder. */
  add?(fresh: string): Promise<void>;
}

/**
 * Fetches a manifest's wheels and unpacks what is kept of them into a folder of the manifest's name, which appears as a whole or not
 * at all. Whole downloads of an earlier try are used; they are removed when all is unpacked. Where it is installed already, nothing is done.
 *
 * @returns that folder
 * @throws BackendError; AbortError; Error with `code` (ENOSPC, EACCES)
 */
export async function installLibraries(manifest: Manifest, options: InstallOptions): Promise<string> {
  const { folder = backendsFolder(), say, signal } = options;
  const directory = join(folder, manifest.name);
  if (isWhole(directory)) {
    say(`${manifest.name} is unpacked already in ${directory}`);
    return directory;
  }
  const downloads = join(folder, 'downloads');
  const toFetch = manifest.wheels.reduce((sum, { bytes }) => sum + bytes, 0);
  await checkSpace(folder, manifest.unpacked + toFetch);
  say(`fetching ${manifest.wheels.length} ${manifest.wheels.length === 1 ? 'wheel' : 'wheels'}, ${megabytes(toFetch)}, by pip`);
  const wheels = await fetchWheels(manifest, downloads, { output: options.output, ...(signal ? { signal } : {}) });
  // A damaged one may go: by its record it is ours.
  await rebuildFolder(directory, RECORD, async (fresh) => {
    say(`unpacking into ${directory}`);
    for (const wheel of wheels) await unpackWheel(wheel, fresh, manifest.keep, signal);
    await options.add?.(fresh);
    const files = await sizesOf(fresh);
    const absent = manifest.libraries.find((library) => !(library in files));
    if (absent) throw new BackendError(`the wheel has no ${absent}; this version of Portcullis can't use it. Nothing was installed.`);
    const { libraries, wheels: from } = manifest;
    const contents =
      manifest.kind === 'onnxruntime-cuda'
        ? { kind: manifest.kind, onnxruntime: manifest.onnxruntime }
        : { kind: manifest.kind, tensorflow: manifest.tensorflow };
    const record: InstallationRecord = { ...contents, machine: MACHINE, wheels: from, libraries, files };
    await writeAtomically(join(fresh, RECORD), `${JSON.stringify(record, null, 2)}\n`);
    say(`${Object.keys(files).length} files, ${megabytes(bytesOf(record))}`);
  });
  await rm(downloads, { recursive: true, force: true });
  return directory;
}

function isWhole(directory: string): boolean {
  const record = readRecord(directory);
  return record !== null && changedFile(directory, record) === undefined;
}

/** Downloads lie there too until all is unpacked. @throws BackendError */
async function checkSpace(folder: string, needed: number): Promise<void> {
  await makeFolder(folder);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < needed)
    throw new BackendError(
      `${megabytes(needed)} are needed in ${folder} while installing, and ${megabytes(bavail * bsize)} are free. Free some space, or name another folder with PORTCULLIS_CACHE.`,
    );
}

async function sizesOf(folder: string): Promise<Record<string, number>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => [relative(folder, file), (await stat(file)).size] as const));
  return Object.fromEntries(sizes.sort());
}

/** 273829956 → `274 MB` */
export const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

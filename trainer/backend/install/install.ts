import { existsSync } from 'node:fs';
import { copyFile, readdir, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { makeFolder, writeAtomically } from '../../../node/files/files.ts';
import { rebuildFolder } from '../../../node/files/replace-folder.ts';
import { type CudaProvider, findCudaProviders } from '../../../node/installations/cuda-provider.ts';
import {
  backendsFolder,
  bytesOf,
  changedFile,
  type InstallationRecord,
  MACHINE,
  packageFolder,
  RECORD,
  readRecord,
} from '../../../node/installations/installation-record.ts';
import { BackendError } from '../backend.ts';
import { bindingName, findInstallations, type Installation } from '../installations.ts';
import { probeTensorFlow, type TensorFlowProbed } from '../tensorflow/tensorflow.ts';
import { checkCompiler, compileBinding } from './compile-binding.ts';
import { type Manifest, PROVIDER_FOLDER } from './manifests.ts';
import { checkPip, fetchWheels, unpackWheel } from './pip.ts';

export interface InstallOptions {
  /** The folder of the backends, by default the cache's. */
  folder?: string;
  signal?: AbortSignal;
  /** The stream on which pip shows its progress. */
  output: 'stdout' | 'stderr' | 'kept';
  say(line: string): void;
  /** Adds to the new folder what no wheel has. */
  add?(fresh: string): Promise<void>;
}

interface Installed {
  installation: Installation;
  probed: TensorFlowProbed & { fault: null };
}

/**
 * Installs TensorFlow's libraries from its wheel, compiles tfjs-node's binding against them, and computes a first product to see that
 * they work. What is there already stays; what is missing on this machine is reported before anything is downloaded.
 *
 * @throws BackendError; AbortError; Error with `code` (ENOSPC, EACCES)
 */
export async function installTensorFlow(manifest: Manifest, options: InstallOptions): Promise<Installed> {
  const { folder = backendsFolder(), say, signal } = options;
  await checkCompiler(signal);
  await checkPip(signal);
  const directory = await installLibraries(manifest, options);
  const found = () => findInstallations(folder).find((installation) => installation.directory === directory) as Installation;
  let probed = await probeTensorFlow(found(), manifest.contents.kind === 'gpu');
  if (probed.fault !== null) {
    // One that is there and does not load was compiled for something else.
    say(`compiling tfjs-node's binding (${existsSync(found().binding) ? `the one there: ${probed.fault}` : bindingName()})`);
    await compileBinding(directory, manifest.libraries, signal);
    probed = await probeTensorFlow(found(), manifest.contents.kind === 'gpu');
  }
  if (probed.fault === null) return { installation: found(), probed };
  throw new BackendError(
    `${basename(directory)} is installed but does not load: ${probed.fault}. TensorFlow needs a processor with AVX, and glibc 2.27 or ` +
      'newer. pnpm backend remove frees the space; --backend wasm runs everywhere.',
  );
}

/**
 * Installs ONNX Runtime's CUDA provider with NVIDIA's libraries, and next to it a copy of the ONNX Runtime of onnxruntime-node, which
 * looks for its providers in its own folder: nothing is written to node_modules. What is there already stays.
 *
 * @throws BackendError; AbortError; Error with `code` (ENOSPC, EACCES)
 */
export async function installCudaProvider(manifest: Manifest, options: InstallOptions): Promise<CudaProvider> {
  await checkPip(options.signal);
  const library = join(packageFolder('onnxruntime-node') as string, 'bin/napi-v6/linux/x64/libonnxruntime.so.1');
  const directory = await installLibraries(manifest, {
    ...options,
    add: (fresh) => copyFile(library, join(fresh, PROVIDER_FOLDER, 'libonnxruntime.so.1')),
  });
  return findCudaProviders(options.folder).find((provider) => provider.directory === directory) as CudaProvider;
}

/**
 * Fetches a manifest's wheels and unpacks the files that are kept into a folder of the manifest's name, which appears as a whole or not
 * at all. Complete downloads of an earlier try are used, and removed when everything is unpacked. Does nothing if it is installed.
 *
 * @returns that folder
 * @throws BackendError; AbortError; Error with `code` (ENOSPC, EACCES)
 */
export async function installLibraries(manifest: Manifest, options: InstallOptions): Promise<string> {
  const { folder = backendsFolder(), say, signal } = options;
  const directory = join(folder, manifest.name);
  const present = readRecord(directory);
  if (present && changedFile(directory, present) === undefined) {
    say(`${manifest.name} is unpacked already in ${directory}`);
    return directory;
  }
  const downloads = join(folder, 'downloads');
  const toFetch = manifest.wheels.reduce((sum, { bytes }) => sum + bytes, 0);
  await checkSpace(folder, manifest.unpacked + toFetch);
  say(`fetching ${manifest.wheels.length} ${manifest.wheels.length === 1 ? 'wheel' : 'wheels'}, ${megabytes(toFetch)}, by pip`);
  const wheels = await fetchWheels(manifest, downloads, { output: options.output, signal });
  // A damaged installation may be replaced: its record shows that it is ours.
  await rebuildFolder(directory, RECORD, async (fresh) => {
    say(`unpacking into ${directory}`);
    for (const wheel of wheels) await unpackWheel(wheel, fresh, manifest.keep, signal);
    await options.add?.(fresh);
    const files = await sizesOf(fresh);
    const absent = manifest.libraries.find((library) => !(library in files));
    if (absent) throw new BackendError(`the wheel has no ${absent}; this version of Portcullis can't use it. Nothing was installed.`);
    const { libraries, wheels: from, contents } = manifest;
    const record: InstallationRecord = { ...contents, machine: MACHINE, wheels: from, libraries, files };
    await writeAtomically(join(fresh, RECORD), `${JSON.stringify(record, null, 2)}\n`);
    say(`${Object.keys(files).length} files, ${megabytes(bytesOf(record))}`);
  });
  await rm(downloads, { recursive: true, force: true });
  return directory;
}

/** Checks that the disk has room for the downloads, which stay until everything is unpacked, and the files. @throws BackendError */
async function checkSpace(folder: string, needed: number): Promise<void> {
  await makeFolder(folder);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= needed) return;
  const free = `${megabytes(needed)} are needed in ${folder} while installing, and ${megabytes(bavail * bsize)} are free`;
  throw new BackendError(`${free}. Free some space, or name another folder with PORTCULLIS_CACHE.`);
}

async function sizesOf(folder: string): Promise<Record<string, number>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => [relative(folder, file), (await stat(file)).size] as const));
  return Object.fromEntries(sizes.sort());
}

/** 273829956 → `274 MB` */
export const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

/**
 * Removes what was installed here, with downloads and what killed installs left, and nothing else. No install may be at work.
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

/** Removes the folder of the backends, and the cache's, if nothing is left in them. */
export async function removeIfEmpty(folder = backendsFolder()): Promise<void> {
  for (const directory of [folder, dirname(folder)]) await rmdir(directory).catch(() => {});
}

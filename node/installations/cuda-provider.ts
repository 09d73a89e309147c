import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from '../processes/run-program.ts';
import { backendsFolder, changedFile, MACHINE, packageVersion, RECORD, readRecord } from './installation-record.ts';

/** The beginning of the provider's folder names in the cache; the version of onnxruntime-node and the machine follow. */
export const CUDA_PROVIDER_PREFIX = 'onnxruntime-cuda-';

/** ONNX Runtime's CUDA provider that `pnpm backend install --gpu` has installed, for the fallback server. */
export interface CudaProvider {
  directory: string;
  /** Folders for LD_LIBRARY_PATH; the one of ONNX Runtime, which looks for its providers in its own folder, comes first. */
  libraryPath: string[];
  /** Why it can't be used; null if no problem is known before it is loaded. */
  fault: string | null;
}

/** Returns all CUDA providers of this machine; first the one for the installed onnxruntime-node, as no other works with it. */
export function findCudaProviders(folder = backendsFolder()): CudaProvider[] {
  const current = `${CUDA_PROVIDER_PREFIX}${packageVersion('onnxruntime-node')}-${MACHINE}`;
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => name.startsWith(CUDA_PROVIDER_PREFIX) && name.endsWith(`-${MACHINE}`) && existsSync(join(folder, name, RECORD)))
    .sort((a, b) => Number(b === current) - Number(a === current))
    .map((name) => providerIn(join(folder, name), name === current));
}

function providerIn(directory: string, current: boolean): CudaProvider {
  const record = readRecord(directory);
  const { libraries = [], files = {} } = record ?? {};
  const libraryPath = [...new Set([...libraries, ...Object.keys(files)].map((file) => join(directory, dirname(file))))];
  return { directory, libraryPath, fault: fault() };

  function fault(): string | null {
    if (!record) return `${RECORD} can't be read`;
    if (!current) return `onnxruntime-node is ${packageVersion('onnxruntime-node')} now`;
    const changed = changedFile(directory, record);
    return changed ? `${changed} is missing or its size has changed` : null;
  }
}

/**
 * Asks the system's loader, by `ldd`, which libraries the provider's own ones need and do not find, such as the driver's libcuda.so.1.
 *
 * @returns their names; null if there is no `ldd` to ask
 */
export async function missingLibraries({ directory, libraryPath }: CudaProvider): Promise<string[] | null> {
  const files = Object.keys(readRecord(directory)?.files ?? {}).map((file) => join(directory, file));
  const { code, output } = await runProgram('ldd', files, { output: 'kept', env: { LD_LIBRARY_PATH: libraryPath.join(':') } });
  if (code !== 0) return null;
  return [...new Set(Array.from(output.matchAll(/^\s*(\S+) => not found$/gm), ([, name]) => name as string))].sort();
}

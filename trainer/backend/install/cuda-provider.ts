import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from '../../../node/processes/run-program.ts';
import { changedFile, MACHINE, RECORD, readRecord } from '../cache.ts';
import { backendsFolder } from '../cache-folder.ts';
import { packageVersion } from '../package-folder.ts';

/** ONNX Runtime's CUDA provider of `pnpm backend install --gpu`, for the fallback server. */
export interface CudaProvider {
  directory: string;
  /** Folders for LD_LIBRARY_PATH; that of ONNX Runtime, which looks for its providers beside itself, first. */
  libraryPath: string[];
  /** Why it can't be used; null where nothing speaks against it before it is loaded. */
  fault: string | null;
}

const PREFIX = 'onnxruntime-cuda-';

/** Whether a folder of the cache is one, by its name. */
export const isCudaProvider = (name: string) => name.startsWith(PREFIX);

/** Of this machine, for that version of the npm package onnxruntime-node: a provider works with its own version only. */
export const cudaProviderName = (version: string) => `${PREFIX}${version}-${MACHINE}`;

/** All of this machine, that for the version of onnxruntime-node in node_modules first. */
export function findCudaProviders(folder = backendsFolder()): CudaProvider[] {
  const current = cudaProviderName(packageVersion('onnxruntime-node'));
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => isCudaProvider(name) && name.endsWith(`-${MACHINE}`) && existsSync(join(folder, name, RECORD)))
    .sort((a, b) => Number(b === current) - Number(a === current))
    .map((name) => providerIn(join(folder, name), name === current));
}

function providerIn(directory: string, current: boolean): CudaProvider {
  const record = readRecord(directory);
  const { libraries = [], files = {} } = record ?? {};
  const folders = [...new Set([...libraries, ...Object.keys(files)].map((file) => join(directory, dirname(file))))];
  const changed = record && changedFile(directory, record);
  const fault = !record
    ? `${RECORD} can't be read`
    : !current
      ? `onnxruntime-node is ${packageVersion('onnxruntime-node')} now`
      : changed
        ? `${changed} is missing or has not the size that it had`
        : null;
  return { directory, libraryPath: folders, fault };
}

/**
 * Asks the system's loader, by `ldd`, which libraries its own ones need and do not find, such as the driver's libcuda.so.1.
 *
 * @returns their names; null where that can't be told, as there is no `ldd`
 */
export async function missingLibraries({ directory, libraryPath }: CudaProvider): Promise<string[] | null> {
  const files = Object.keys(readRecord(directory)?.files ?? {}).map((file) => join(directory, file));
  const { code, output } = await runProgram('ldd', files, { output: 'kept', env: { LD_LIBRARY_PATH: libraryPath.join(':') } });
  if (code !== 0) return null;
  return [...new Set(Array.from(output.matchAll(/^\s*(\S+) => not found$/gm), ([, name]) => name as string))].sort();
}

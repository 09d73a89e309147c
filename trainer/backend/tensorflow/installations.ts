import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { changedFile, type InstallationRecord, MACHINE, RECORD, readRecord } from '../cache.ts';
import { backendsFolder } from '../cache-folder.ts';
import { isCudaProvider } from '../install/cuda-provider.ts';
import { packageFolder, packageVersion } from '../package-folder.ts';

/** TensorFlow's libraries on this machine, and the binding by which Node loads them. */
export interface Installation {
  directory: string;
  /** `own`: somebody's own tfjs-node in node_modules, built by its own install script. */
  origin: 'installed' | 'own';
  kind: 'cpu' | 'gpu';
  binding: string;
  /** Why it can't be used; null where nothing speaks against it before it is loaded. */
  fault: string | null;
}

/** Bindings are compiled from tfjs-node's sources, so each version of it has its own. */
export const bindingName = () => `tfjs-node-${packageVersion('@tensorflow/tfjs-node')}.node`;

/** All TensorFlows of this machine, those of `pnpm backend install` first, each kind's newest version first. */
export function findInstallations(folder = backendsFolder()): Installation[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, RECORD))) : [];
  const installed = names
    .filter((name) => !isCudaProvider(name))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .flatMap((name) => installedIn(join(folder, name)) ?? []);
  const own = (['gpu', 'cpu'] as const).flatMap((kind): Installation[] => {
    const directory = packageFolder(kind === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node');
    const binding = directory && join(directory, 'lib', 'napi-v8', 'tfjs_binding.node');
    return binding && existsSync(binding) && existsSync(join(directory, 'deps', 'lib'))
      ? [{ directory, origin: 'own', kind, binding, fault: null }]
      : [];
  });
  return [...installed, ...own];
}

/** @returns null where the folder is another machine's, as in a home that several share */
function installedIn(directory: string): Installation | null {
  const record = readRecord(directory);
  if (record && record.machine !== MACHINE) return null;
  const binding = join(directory, bindingName());
  const fault = record ? faultOf(directory, binding, record) : `${RECORD} can't be read`;
  return { directory, origin: 'installed', kind: record?.kind === 'gpu' ? 'gpu' : 'cpu', binding, fault };
}

function faultOf(directory: string, binding: string, record: InstallationRecord): string | null {
  if (packageFolder('@tensorflow/tfjs-node') === null) return NO_TFJS_NODE;
  const changed = changedFile(directory, record);
  if (changed) return `${changed} is missing or has not the size that it had`;
  return existsSync(binding) ? null : `it has no binding for this version of tfjs-node (${bindingName()})`;
}

export const NO_TFJS_NODE =
  'the npm package @tensorflow/tfjs-node is not in node_modules (an optional dependency; pnpm install brings it unless it was told --no-optional)';

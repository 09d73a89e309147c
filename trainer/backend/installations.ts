import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  backendsFolder,
  changedFile,
  type InstallationRecord,
  MACHINE,
  packageFolder,
  packageVersion,
  RECORD,
  readRecord,
} from '../../node/installations/installation-record.ts';

/** TensorFlow's libraries on this machine, and the binding by which Node loads them. */
export interface Installation {
  directory: string;
  /** `own` is a tfjs-node in node_modules that its own install script has built. */
  origin: 'installed' | 'own';
  kind: 'cpu' | 'gpu';
  binding: string;
  /** Why it can't be used; null if no problem is known before it is loaded. */
  fault: string | null;
}

/** Returns the name of the binding, which is compiled from tfjs-node's sources: each version has its own. */
export const bindingName = () => `tfjs-node-${packageVersion('@tensorflow/tfjs-node')}.node`;

/** Returns all TensorFlows of this machine, those of `pnpm backend install` first, the newest version of each kind first. */
export function findInstallations(folder = backendsFolder()): Installation[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, RECORD))) : [];
  const installed = names
    .filter((name) => name.startsWith('tensorflow-'))
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

/** Returns null if the folder is another machine's, as in a home that several share. */
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
  if (changed) return `${changed} is missing or its size has changed`;
  return existsSync(binding) ? null : `it has no binding for this version of tfjs-node (${bindingName()})`;
}

export const NO_TFJS_NODE =
  'the npm package @tensorflow/tfjs-node is missing (an optional dependency: pnpm install brings it, but not with --no-optional)';

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parsedOrNull } from '../parsed-or-null.ts';
import { backendsFolder } from './cache-folder.ts';

/** The mark of a whole installation, written last. */
export const RECORD = 'installed.json';

export const recordSchema = z.strictObject({
  kind: z.enum(['cpu', 'gpu']),
  tensorflow: z.string(),
  /** platform-arch, of Node. */
  machine: z.string(),
  /** TensorFlow's two, to link the binding with. */
  libraries: z.array(z.string()),
  wheels: z.array(z.strictObject({ requirement: z.string(), sha256: z.string(), bytes: z.int() })),
  /** Each unpacked file with its size. */
  files: z.record(z.string(), z.int()),
});

export type InstallationRecord = z.infer<typeof recordSchema>;

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

const require = createRequire(import.meta.url);

/** The folder of an npm package of the project, null where it is not installed (both are optional dependencies). */
export function packageFolder(name: '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu' | 'node-api-headers'): string | null {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

/** Bindings are compiled from tfjs-node's sources, so each version of it has its own. */
export function bindingName(): string {
  const folder = packageFolder('@tensorflow/tfjs-node');
  const { version } = folder
    ? (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string })
    : { version: 'none' };
  return `tfjs-node-${version}.node`;
}

/** All of this machine, those of `pnpm backend install` first, each kind's newest version first. */
export function findInstallations(folder = backendsFolder()): Installation[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, RECORD))) : [];
  const installed = names
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
  return { directory, origin: 'installed', kind: record?.kind ?? 'cpu', binding, fault };
}

/** @returns null where it can't be read */
export function readRecord(directory: string): InstallationRecord | null {
  return recordSchema.safeParse(parsedOrNull(readFileSync(join(directory, RECORD), 'utf8'))).data ?? null;
}

function faultOf(directory: string, binding: string, record: InstallationRecord): string | null {
  if (packageFolder('@tensorflow/tfjs-node') === null) return NO_TFJS_NODE;
  const changed = changedFile(directory, record);
  if (changed) return `${changed} is missing or has not the size that it had`;
  return existsSync(binding) ? null : `it has no binding for this version of tfjs-node (${bindingName()})`;
}

/** The first file that is not there as it was unpacked, by its size; undefined where all are. */
export function changedFile(directory: string, { files }: InstallationRecord): string | undefined {
  const sizeOf = (file: string) => statSync(join(directory, file), { throwIfNoEntry: false })?.size;
  return Object.keys(files).find((file) => sizeOf(file) !== files[file]);
}

export const MACHINE = `${process.platform}-${process.arch}`;

export const NO_TFJS_NODE =
  'the npm package @tensorflow/tfjs-node is not in node_modules (an optional dependency; pnpm install brings it unless it was told --no-optional)';

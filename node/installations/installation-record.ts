import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull } from '../files/files.ts';

/** Returns a folder of what is installed outside node_modules: in $PORTCULLIS_CACHE, else in $XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(name: string): string {
  const cache = process.env.PORTCULLIS_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portcullis');
  // Libraries are loaded by absolute paths only.
  return resolve(cache, name);
}

/** Returns the folder of installed backends. */
export const backendsFolder = (): string => cacheFolder('backends');

/** platform-arch, as Node names them: several machines may share a home. */
export const MACHINE = `${process.platform}-${process.arch}`;

/** The mark of a complete installation; it is written last. */
export const RECORD = 'installed.json';

const common = {
  machine: z.string(),
  /** Files that it can't work without; for TensorFlow the two libraries that the binding links with. */
  libraries: z.array(z.string()),
  wheels: z.array(z.strictObject({ requirement: z.string(), sha256: z.string(), bytes: z.int() })),
  /** The size of each unpacked file. */
  files: z.record(z.string(), z.int()),
};

const recordSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['cpu', 'gpu']), tensorflow: z.string(), ...common }),
  z.strictObject({ kind: z.literal('onnxruntime-cuda'), onnxruntime: z.string(), ...common }),
]);

export type InstallationRecord = z.infer<typeof recordSchema>;

/** Returns the record of an installation, null if it is missing or can't be read. */
export function readRecord(directory: string): InstallationRecord | null {
  try {
    return recordSchema.safeParse(parseJsonOrNull(readFileSync(join(directory, RECORD), 'utf8'))).data ?? null;
  } catch {
    return null;
  }
}

/** Returns the first file that is missing or has another size than when it was unpacked. */
export function changedFile(directory: string, { files }: InstallationRecord): string | undefined {
  const sizeOf = (file: string) => statSync(join(directory, file), { throwIfNoEntry: false })?.size;
  return Object.keys(files).find((file) => sizeOf(file) !== files[file]);
}

/** Returns the size of all its files, in bytes. */
export const bytesOf = ({ files }: InstallationRecord): number => Object.values(files).reduce((sum, size) => sum + size, 0);

const require = createRequire(import.meta.url);

type Package = '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu' | 'node-api-headers' | 'onnxruntime-node';

/** Returns the folder of an npm package, null if it is not installed (all but onnxruntime-node are optional dependencies). */
export function packageFolder(name: Package): string | null {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

/** Returns the version of an npm package, `none` if it is not installed. */
export function packageVersion(name: Package): string {
  const folder = packageFolder(name);
  return folder ? (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version : 'none';
}

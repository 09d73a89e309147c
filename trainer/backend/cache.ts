import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull } from '../../node/files/files.ts';

/** The mark of a whole installation, written last. */
export const RECORD = 'installed.json';

/** platform-arch, of Node: a home may be shared by several machines. */
export const MACHINE = `${process.platform}-${process.arch}`;

const common = {
  machine: z.string(),
  /** Those without which it is of no use; of TensorFlow its two, to link the binding with. */
  libraries: z.array(z.string()),
  wheels: z.array(z.strictObject({ requirement: z.string(), sha256: z.string(), bytes: z.int() })),
  /** Each unpacked file with its size. */
  files: z.record(z.string(), z.int()),
};

const recordSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['cpu', 'gpu']), tensorflow: z.string(), ...common }),
  z.strictObject({ kind: z.literal('onnxruntime-cuda'), onnxruntime: z.string(), ...common }),
]);

export type InstallationRecord = z.infer<typeof recordSchema>;

/** @returns null where it is not there or can't be read */
export function readRecord(directory: string): InstallationRecord | null {
  try {
    return recordSchema.safeParse(parseJsonOrNull(readFileSync(join(directory, RECORD), 'utf8'))).data ?? null;
  } catch {
    return null;
  }
}

/** The first file that is not there as it was unpacked, by its size; undefined where all are. */
export function changedFile(directory: string, { files }: InstallationRecord): string | undefined {
  const sizeOf = (file: string) => statSync(join(directory, file), { throwIfNoEntry: false })?.size;
  return Object.keys(files).find((file) => sizeOf(file) !== files[file]);
}

/** Of all its files, in bytes. */
export const bytesOf = ({ files }: InstallationRecord): number => Object.values(files).reduce((sum, size) => sum + size, 0);

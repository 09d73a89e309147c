import { rename, writeFile } from 'node:fs/promises';

/** Writes a file under a temporary name and renames it, so that a reader never sees half of it. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}

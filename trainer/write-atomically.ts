import { rename, rm, writeFile } from 'node:fs/promises';

/** Writes a file under a temporary name and renames it, so that a reader never sees half of it; what was there stays where that fails. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

import { rename, rm, writeFile } from 'node:fs/promises';

/** So that two writes of one file by this process do not share a temporary name. */
let count = 0;

/** Writes a file under a temporary name and renames it, so that a reader never sees half of it; what was there stays where that fails. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}-${count++}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

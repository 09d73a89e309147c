import { readFile, rename, writeFile } from 'node:fs/promises';

/** Writes a file, but leaves an unchanged one alone, so that a watcher does not start again over it. */
export async function writeIfChanged(path: string, bytes: Uint8Array): Promise<void> {
  const present = await readFile(path).catch(() => null);
  if (present && Buffer.compare(present, bytes) === 0) return;
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, bytes);
  await rename(temporary, path);
}

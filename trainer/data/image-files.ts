import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What a name in a folder stands for, links followed; `gone` is a link to nothing, or something that is neither. */
export async function kindOf(path: string): Promise<'file' | 'folder' | 'gone'> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : 'gone';
}

/** What a user is told of one. */
export const goneNote = (path: string) => `${path} left out: it is a link that leads nowhere, or no file`;

/** Tells a user about hidden names. */
export const hiddenNote = (count: number): string[] =>
  count > 0 ? [`${count} files and folders whose names begin with a dot left out (thumbnails and the like)`] : [];

/**
 * Lists all files in a folder and the folders within it; follows links to files and folders. A folder that is met again (by a link to it,
 * or to one that it lies in) is not read a second time. Hidden names, which begin with a dot, are skipped.
 *
 * @returns paths within the folder, sorted; `gone`: paths of links that lead nowhere and of anything that is neither file nor folder; `hidden`: how many names were skipped
 * @throws Error with `code` where a folder can't be read
 */
export async function filesWithin(directory: string): Promise<{ files: string[]; gone: string[]; hidden: number }> {
  const seen = new Set<string>();
  const found = { files: [] as string[], gone: [] as string[], hidden: 0 };
  const walk = async (within: string): Promise<void> => {
    const here = await realpath(join(directory, within));
    if (seen.size === seen.add(here).size) return;
    for (const entry of (await readdir(here, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) {
        found.hidden += 1;
        continue;
      }
      const path = join(within, entry.name);
      const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : await kindOf(join(directory, path));
      if (kind === 'folder') await walk(path);
      else found[kind === 'file' ? 'files' : 'gone'].push(path);
    }
  };
  await walk('');
  return found;
}

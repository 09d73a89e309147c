import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { filesInFolder, isNamedImage } from './image-files.ts';
import type { ImageIndex, StoredImages } from './image-index.ts';

/** Most names in a note. */
const SHOWN = 5;

/**
 * Compares a folder of images with what was read from it.
 *
 * @returns what differs, such as `1 renamed (a/1.png is a/one.png)`; none where nothing does
 */
export async function changedFiles(directory: string, { index, others = [] }: StoredImages): Promise<string[]> {
  const { files, stats } = index;
  const found = await filesInFolder(directory).catch(() => null);
  if (!found) return ['it is not there any more'];
  const known = new Set([...namesIn(index), ...others]);
  const present = new Set(found.files);
  const missing = Map.groupBy(
    files.flatMap(({ file, sha256 }, i) => (present.has(file) ? [] : [{ file, sha256, size: stats[i]?.[0] }])),
    ({ sha256 }) => sha256,
  );
  const sizes = new Set([...missing.values()].flat().map(({ size }) => size));
  const [renamed, more, changed]: [string[], string[], string[]] = [[], [], []];
  for (const file of found.files.filter((name) => isNamedImage(name) && !known.has(name))) {
    // A file is only read where its size is that of a missing one.
    const { size } = await stat(join(directory, file));
    const from = sizes.has(size) ? missing.get(await hashOf(join(directory, file)))?.shift() : undefined;
    if (from) renamed.push(`${from.file} is ${file}`);
    else more.push(file);
  }
  for (const [i, { file, sha256 }] of files.entries()) {
    const now = present.has(file) && (await stat(join(directory, file)));
    if (!now || (now.size === stats[i]?.[0] && now.mtimeMs === stats[i]?.[1])) continue;
    if (now.size !== stats[i]?.[0] || (await hashOf(join(directory, file))) !== sha256) changed.push(file);
  }
  const lost = [...missing.values()].flat().map(({ file }) => file);
  return Object.entries({ renamed, 'not there any more': lost, 'changed since': changed, more }).flatMap(([how, names]) =>
    names.length === 0 ? [] : [`${names.length} ${how} (${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ', …' : ''})`],
  );
}

/** Lists the images of a folder that an index does not hold: those in no class. */
export async function unknownImages(directory: string, index: ImageIndex): Promise<string[]> {
  const known = new Set(namesIn(index));
  const found = await filesInFolder(directory);
  return found.files.filter((name) => isNamedImage(name) && !known.has(name));
}

const namesIn = ({ files, unreadable }: ImageIndex) => [...files, ...unreadable].map(({ file }) => file);

async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

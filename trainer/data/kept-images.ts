import { constants } from 'node:fs';
import { copyFile, link, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull } from '../../node/files/files.ts';
import { rebuildFolder } from '../../node/files/replace-folder.ts';
import { sha256 } from '../../shared/bundle/hashes.ts';
import { DataError, type Dataset, type ImageIndex, indexSchema, type StoredImages } from './dataset.ts';
import { filesInFolder, isNamedImage } from './image-files.ts';
import { hashOfLevels, openLevels } from './levels-file.ts';

const LEVELS = 'levels';
const RECORD = 'images.json';

/** `images.json`: a data set without its pixels, which are in `levels`. */
const recordSchema = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  classes: z.array(z.string()),
  input: z.strictObject({ height: z.int(), width: z.int(), channels: z.union([z.literal(1), z.literal(3)]) }),
  checksums: z.record(z.string(), z.string()),
  index: indexSchema,
  /** Positions of the images in `levels`. */
  train: z.array(z.int()),
  test: z.array(z.int()),
  /** Images in the folder that are in no class: they are nothing new when the folder is compared. */
  others: z.array(z.string()).default([]),
});

/**
 * Keeps the decoded images of a data set in a folder, if they were decoded from files. They are another name of the cache's file (a hard
 * link), so they take no more room while the cache has them, and stay where it is removed; a copy where the file system has no links.
 *
 * @param source the folder that they were decoded from
 * @returns their bytes; null for a data set that is read from files of its own, such as MNIST
 */
export async function keepImages(
  directory: string,
  { name, classes, input, checksums, train, test }: Dataset,
  source: string | null,
): Promise<number | null> {
  if (!train.stored || !test.stored) return null;
  const { path, index, positions } = train.stored;
  const others = source === null ? [] : await unknownImages(source, index);
  const record = { version: 1, others, name, classes, input, checksums, index, train: positions, test: test.stored.positions };
  await rebuildFolder(directory, RECORD, async (fresh) => {
    const levels = join(fresh, LEVELS);
    await link(path, levels).catch(() => copyFile(path, levels, constants.COPYFILE_FICLONE));
    await writeFile(join(fresh, RECORD), JSON.stringify(record));
  });
  return (await keptBytes(directory)) as number;
}

/** Returns the bytes of the images that are kept in a folder; null where there are none. */
export async function keptBytes(directory: string): Promise<number | null> {
  return (await stat(join(directory, LEVELS)).catch(() => null))?.size ?? null;
}

/**
 * Opens the images that are kept in a folder.
 *
 * @returns null where there are none
 * @throws DataError where they are damaged
 */
export async function openKeptImages(directory: string): Promise<Dataset | null> {
  const path = join(directory, LEVELS);
  const text = await readFile(join(directory, RECORD), 'utf8').catch(() => null);
  if (text === null) return null;
  const record = recordSchema.safeParse(parseJsonOrNull(text)).data;
  if (!record || (await hashOfLevels(path).catch(() => null)) !== record.index.sha256)
    throw new DataError(`the images in ${directory} are damaged: they are not those that were kept there`);
  const { name, classes, input, checksums, index, train, test, others } = record;
  const images = openLevels(path, index, input, others);
  return { name, classes, input, checksums, train: images(train), test: images(test) };
}

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

const hashOf = async (path: string) => sha256(await readFile(path));

import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { ANY_FORMAT, FORMATS } from '../../shared/images/formats.ts';
import { DataError, type Dataset } from './dataset.ts';
import { CACHE, cachedImages, type Entry } from './image-cache.ts';
import { filesWithin, goneNote, hiddenNote, kindOf } from './image-files.ts';

/** Endings of names that are taken for images; files of formats that are not read are reported as refused. */
const EXTENSIONS = [
  ...FORMATS.flatMap(({ extensions }) => extensions),
  ...['.webp', '.gif', '.bmp', '.tif', '.tiff', '.heic', '.heif', '.avif', '.jxl', '.jp2'],
];

/** Says whether a file is an image by its name. */
export const isNamedImage = (file: string): boolean => EXTENSIONS.includes(extname(file).toLowerCase());

/** Tells a user which files are left out, as the worker would refuse them too: how many, then each with its reason. */
export function refusedNotes(unreadable: readonly { file: string; why: string }[], count: number): string[] {
  if (unreadable.length === 0) return [];
  return [
    `${unreadable.length} of ${count} images left out, which the worker would refuse too:`,
    ...unreadable.map(({ file, why }) => `${file} left out: ${why}`),
  ];
}

/** Fewer images of a class can't be split into train, validation, tune, calibration and test. */
const LEAST_PER_CLASS = 10;

/**
 * A folder with a folder of images for each class. A fifth of the images, by the hash of their content, is the test set; the
 * same content twice is kept together in every split. Links are followed. Files that can't be read, and others, are reported and left out.
 *
 * @param options.size height and width that images are brought to
 * @throws DataError where there are fewer than two classes, or a class has too few images, or one content has two labels
 */
export async function readImageFolder(
  directory: string,
  options: { size: number; channels: 1 | 3 },
  cache = CACHE,
  signal?: AbortSignal,
): Promise<Dataset> {
  const folders = await readdir(directory).catch(() => {
    throw new DataError(`${directory} can't be read; a folder with a folder of images for each class is needed`);
  });
  const classes: string[] = [];
  for (const name of folders.sort()) if (!name.startsWith('.') && (await kindOf(join(directory, name))) === 'folder') classes.push(name);
  if (classes.length < 2)
    throw new DataError(
      `${directory} has ${classes.length} folders; one for each class is needed, two at least, with ${ANY_FORMAT} files in them`,
    );
  const entries: Entry[] = [];
  const gone: string[] = [];
  let others = 0;
  let hidden = folders.filter((name) => name.startsWith('.')).length;
  for (const [label, name] of classes.entries()) {
    const within = await filesWithin(join(directory, name));
    for (const file of within.files) {
      if (isNamedImage(file)) entries.push({ file: join(name, file), label });
      else others++;
    }
    gone.push(...within.gone.map((file) => join(name, file)));
    hidden += within.hidden;
  }
  if (entries.length === 0)
    throw new DataError(
      `the ${classes.length} folders of ${directory} (${classes.slice(0, 3).join(', ')}${classes.length > 3 ? ', …' : ''}) hold no ${ANY_FORMAT} files`,
    );
  entries.sort((a, b) => a.label - b.label || (a.file < b.file ? -1 : 1));
  const input = { height: options.size, width: options.size, channels: options.channels };
  const { index, images } = await cachedImages(directory, entries, input, { cache, signal });
  const labelOf = new Map<string, { file: string; label: number }>();
  for (const { file, label, sha256 } of index.files) {
    const first = labelOf.get(sha256);
    if (first && first.label !== label)
      throw new DataError(`${first.file} and ${file} are the same image in two classes. Remove one of them.`);
    labelOf.set(sha256, { file, label });
  }
  classes.forEach((name, label) => {
    const count = index.files.filter((file) => file.label === label).length;
    if (count < LEAST_PER_CLASS)
      throw new DataError(
        `class ${name} has ${count} images that can be read; at least ${LEAST_PER_CLASS} are needed. Add images, or remove the folder.`,
      );
  });
  const isTest = index.files.map(({ sha256 }) => Number.parseInt(sha256.slice(0, 8), 16) < 0.2 * 2 ** 32);
  const at = (test: boolean) => index.files.flatMap((_, i) => (isTest[i] === test ? [i] : []));
  const twice = index.files.length - labelOf.size;
  return {
    name: 'images',
    classes,
    input,
    train: images(at(false)),
    test: images(at(true)),
    groups: at(false).map((i) => index.files[i]?.sha256 as string),
    checksums: {
      files: createHash('sha256')
        .update(index.files.map(({ file, sha256 }) => `${file} ${sha256}`).join('\n'))
        .digest('hex'),
    },
    notes: [
      ...refusedNotes(index.unreadable, entries.length),
      ...gone.map(goneNote),
      ...hiddenNote(hidden),
      ...(others > 0 ? [`${others} files are no images by their name, and left out`] : []),
      ...(twice > 0 ? [`${twice} images are there more than once; the same content stays in one split`] : []),
    ],
  };
}

import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { DataError, type DatasetReader } from './dataset.ts';
import { cachedImages, type Entry } from './image-cache.ts';
import { filesInFolder, isHidden, isNamedImage, kindOf, notesOnLeftOut } from './image-files.ts';
import type { ImageIndex } from './image-index.ts';

/** A class with fewer images can't be split into train, validation, tune, calibration and test. */
const LEAST_PER_CLASS = 10;

/**
 * A folder with a folder of images for each class. A fifth of the images, by the hash of their content, is the test set; images with the
 * same content stay together in every split. Links are followed. Unreadable and other files are reported and left out.
 */
export const imageFolder: DatasetReader = {
  name: 'images',
  resizable: true,
  async read(directory, { size, channels, cache, signal }) {
    const { classes, entries, ...leftOut } = await listClasses(directory);
    const input = { height: size, width: size, channels };
    const { index, images } = await cachedImages(directory, entries, input, { cache, signal });
    checkClasses(index, classes);
    const isTest = index.files.map(({ sha256 }) => Number.parseInt(sha256.slice(0, 8), 16) < 0.2 * 2 ** 32);
    const at = (test: boolean) => index.files.flatMap((_, i) => (isTest[i] === test ? [i] : []));
    const twice = index.files.length - new Set(index.files.map(({ sha256 }) => sha256)).size;
    const list = index.files.map(({ file, sha256 }) => `${file} ${sha256}`).join('\n');
    return {
      ...{ name: 'images', classes, input, train: images(at(false)), test: images(at(true)) },
      groups: at(false).map((i) => index.files[i]?.sha256 as string),
      checksums: { files: createHash('sha256').update(list).digest('hex') },
      notes: [
        ...notesOnLeftOut({ ...leftOut, images: entries.length, unreadable: index.unreadable }),
        ...(leftOut.others > 0 ? [`${leftOut.others} files left out: they are not images by their name`] : []),
        ...(twice > 0 ? [`${twice} images are there more than once; the same content stays in one split`] : []),
      ],
    };
  },
};

/** Lists the classes, which are the folders' names, and the images of each, sorted. */
async function listClasses(directory: string) {
  const names = await readdir(directory).catch(() => {
    throw new DataError(`${directory} can't be read; a folder with a folder of images for each class is needed`);
  });
  const classes: string[] = [];
  for (const name of names.sort()) if (!isHidden(name) && (await kindOf(join(directory, name))) === 'folder') classes.push(name);
  if (classes.length < 2)
    throw new DataError(
      `${directory} has ${classes.length} folders; one for each class is needed, two at least, with ${ANY_FORMAT} files in them`,
    );
  const entries: Entry[] = [];
  const broken: string[] = [];
  let [others, hidden] = [0, names.filter(isHidden).length];
  for (const [label, name] of classes.entries()) {
    const found = await filesInFolder(join(directory, name));
    const named = found.files.filter(isNamedImage);
    entries.push(...named.map((file) => ({ file: join(name, file), label })));
    others += found.files.length - named.length;
    broken.push(...found.broken.map((file) => join(name, file)));
    hidden += found.hidden;
  }
  if (entries.length === 0)
    throw new DataError(
      `the ${classes.length} folders of ${directory} (${classes.slice(0, 3).join(', ')}${classes.length > 3 ? ', …' : ''}) ` +
        `hold no ${ANY_FORMAT} files`,
    );
  entries.sort((a, b) => a.label - b.label || (a.file < b.file ? -1 : 1));
  return { classes, entries, broken, others, hidden };
}

/** Checks the images that can be read. @throws DataError where one content has two labels, or a class has too few images */
function checkClasses({ files }: ImageIndex, classes: string[]): void {
  const firstOf = new Map<string, Entry>();
  for (const { file, label, sha256 } of files) {
    const first = firstOf.get(sha256) ?? { file, label };
    if (first.label !== label) throw new DataError(`${first.file} and ${file} are the same image in two classes. Remove one of them.`);
    firstOf.set(sha256, first);
  }
  for (const [label, name] of classes.entries()) {
    const count = files.filter((file) => file.label === label).length;
    if (count < LEAST_PER_CLASS)
      throw new DataError(
        `class ${name} has ${count} images that can be read; at least ${LEAST_PER_CLASS} are needed. Add images, or remove the folder.`,
      );
  }
}

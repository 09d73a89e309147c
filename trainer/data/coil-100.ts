import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { DataError, type DatasetReader } from './dataset.ts';
import { cachedImages } from './image-cache.ts';

const OBJECTS = 100;
const VIEWS = 72;

/**
 * COIL-100 (Nene, Nayar and Murase, 1996): 100 objects, turned by 5 degrees between 72 views, 128x128x3, as `objN__ANGLE.png`. A fifth of
 * the views, by the hash of the file's name, is the test set. Missing views are reported; an unreadable one is an error.
 */
export const coil100: DatasetReader = {
  name: 'coil-100',
  table1: { supervised: [99.89, 98.4, 0, 1.6] },
  async read(directory, { cache, signal }) {
    const names = await readdir(directory).catch(() => {
      throw new DataError(`${directory} can't be read; COIL-100 is a folder of obj1__0.png to obj100__355.png`);
    });
    const entries = names.flatMap((file) => {
      const [, object, angle] = /^obj(\d{1,3})__(\d{1,3})\.png$/.exec(file) ?? [];
      const known = Number(object) >= 1 && Number(object) <= OBJECTS && Number(angle) < 360 && Number(angle) % (360 / VIEWS) === 0;
      return known ? [{ file, label: Number(object) - 1 }] : [];
    });
    if (entries.length === 0) throw new DataError(`${directory} holds no objN__ANGLE.png; COIL-100 is obj1__0.png to obj100__355.png`);
    entries.sort((a, b) => a.label - b.label || a.file.localeCompare(b.file, 'en', { numeric: true }));
    const input = { height: 128, width: 128, channels: 3 as const };
    const { index, images } = await cachedImages(directory, entries, input, { cache, signal });
    const [bad] = index.unreadable;
    if (bad) throw new DataError(`${bad.file}: ${bad.why} (${index.unreadable.length} files of ${directory} can't be read)`);
    const isTest = index.files.map(({ file }) => createHash('sha256').update(file).digest().readUInt32BE(0) < 0.2 * 2 ** 32);
    const select = (test: boolean) => images(index.files.flatMap((_, i) => (isTest[i] === test ? [i] : [])));
    const hashes = index.files.map(({ sha256 }) => sha256).join();
    const missing = OBJECTS * VIEWS - entries.length;
    return {
      name: 'coil-100',
      classes: Array.from({ length: OBJECTS }, (_, i) => `obj${i + 1}`),
      input,
      train: select(false),
      test: select(true),
      checksums: { files: createHash('sha256').update(hashes).digest('hex') },
      notes: missing > 0 ? [`${missing} of ${OBJECTS * VIEWS} views are missing`] : [],
    };
  },
};

import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALL_FORMATS, ANY_FORMAT } from '../../shared/images/formats.ts';
import { coil100 } from '../../trainer/data/coil-100.ts';
import { openDataset } from '../../trainer/data/datasets.ts';
import { imageFolder } from '../../trainer/data/folder/examine-folder.ts';
import { readMat } from '../../trainer/data/mat.ts';
import { splitsOf } from '../../trainer/data/splits.ts';
import { svhn } from '../../trainer/data/svhn.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Options of a reader whose images have their own size. */
const options = { size: 0, channels: 3 as const, cache: '' };

/** A MATLAB 5 file with one array of bytes, written by hand from the format's description. */
function matFile(arrays: { name: string; shape: number[]; values: Uint8Array; type?: number }[], compressed: boolean): Buffer {
  const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
  const element = (type: number, data: Buffer) => {
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(type, 0);
    tag.writeUInt32LE(data.length, 4);
    return padded(Buffer.concat([tag, data]));
  };
  const matrices = arrays.map(({ name, shape, values, type }) => {
    const flags = Buffer.from([9, 0, 0, 0, 0, 0, 0, 0]);
    const dimensions = Buffer.alloc(4 * shape.length);
    for (const [i, size] of shape.entries()) dimensions.writeInt32LE(size, 4 * i);
    // A name of up to four letters is a small element: type, size and letters in eight bytes.
    const small = Buffer.concat([Buffer.from([1, 0, name.length, 0]), Buffer.from(name.padEnd(4, '\0'))]);
    const matrix = element(14, Buffer.concat([element(6, flags), element(5, dimensions), small, element(type ?? 2, Buffer.from(values))]));
    if (!compressed) return matrix;
    const data = deflateSync(matrix);
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(15, 0);
    tag.writeUInt32LE(data.length, 4);
    return Buffer.concat([tag, data]);
  });
  const header = Buffer.alloc(128, ' ');
  header.write('MATLAB 5.0 MAT-file');
  header.write('IM', 126);
  return Buffer.concat([header, ...matrices]);
}

describe('SVHN', () => {
  const digits = (labels: number[]) => ({
    X: { name: 'X', shape: [32, 32, 3, labels.length], values: Uint8Array.from({ length: 3072 * labels.length }, (_, i) => (i * 7) % 251) },
    y: { name: 'y', shape: [labels.length, 1], values: Uint8Array.from(labels) },
  });

  it.each([false, true])('is read column by column, 10 standing for 0 (compressed: %s)', async (compressed) => {
    const directory = await mkdtemp(join(root, 'svhn-'));
    for (const [file, labels] of [
      ['train_32x32.mat', [10, 3, 9]],
      ['extra_32x32.mat', [1]],
      ['test_32x32.mat', [5, 10]],
    ] as const) {
      const { X, y } = digits([...labels]);
      await writeFile(join(directory, file), matFile([X, y], compressed));
    }
    const read = await svhn.read(directory, options);
    expect([Array.from(read.train.labels), Array.from(read.test.labels)]).toEqual([
      [0, 3, 9, 1],
      [5, 0],
    ]);
    const at = (n: number, row: number, column: number, channel: number) => ((row + 32 * (column + 32 * (channel + 3 * n))) * 7) % 251;
    expect(read.train.image(1)[(5 * 32 + 9) * 3 + 2]).toBe(at(1, 5, 9, 2));
    expect(read.test.image(1)[0]).toBe(at(1, 0, 0, 0));
  });

  it('says what is wrong with the files', async () => {
    const directory = await mkdtemp(join(root, 'svhn-'));
    await expect(svhn.read(directory, options)).rejects.toThrow(/train_32x32.mat is not in .*SVHN format 2/);
    const { X, y } = digits([11]);
    const write = (bytes: Uint8Array) => writeFile(join(directory, 'train_32x32.mat'), bytes);
    await write(matFile([X, y], true));
    await expect(svhn.read(directory, options)).rejects.toThrow(/has the label 11; expected 1 to 10/);
    await write(matFile([X], true));
    await expect(svhn.read(directory, options)).rejects.toThrow(/holds X 32x32x3x1; expected X 32x32x3xN of bytes and y/);
    await write(matFile([X, y], true).subarray(0, -20));
    await expect(svhn.read(directory, options)).rejects.toThrow(/is cut off or damaged/);
    await write(Buffer.from('hello'));
    await expect(svhn.read(directory, options)).rejects.toThrow(/does not begin with "MATLAB 5.0"/);
  });

  it.each([false, true])('labels as doubles are read too (compressed: %s)', (compressed) => {
    const doubles = Buffer.alloc(24);
    for (const [i, label] of [10, 2, 7].entries()) doubles.writeDoubleLE(label, 8 * i);
    const [y] = readMat(matFile([{ name: 'y', shape: [3, 1], values: doubles, type: 9 }], compressed), 'x');
    expect(y).toEqual({ name: 'y', shape: [3, 1], values: Float64Array.of(10, 2, 7) });
  });

  it('a damaged MATLAB file is an error with a reason, never anything else', () => {
    const { X, y } = digits([1]);
    const whole = matFile([X, y], true);
    fc.assert(
      fc.property(fc.integer({ min: 128, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ change;
        try {
          readMat(bytes, 'x');
        } catch (error) {
          expect((error as Error).name).toBe('DataError');
        }
      }),
    );
  });
});

describe('images in folders', () => {
  const picture = (seed: number, width: number, height: number) =>
    sharp(Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * seed * 31 + (i >> 5) * seed) % 256)), {
      raw: { width, height, channels: 3 },
    });

  it('become a data set: test and splits by content, doubled and unreadable files reported, decoded once', async () => {
    const directory = join(root, 'photos');
    for (const [label, name] of ['bolt', 'nut'].entries()) {
      await mkdir(join(directory, name, 'deeper'), { recursive: true });
      for (let i = 0; i < 30; i++) {
        const image = picture(1 + i + 50 * label, 20 + i, 40 - i);
        const file = join(directory, name, ...(i % 3 ? [] : ['deeper']), `${i}`);
        await (i % 2
          ? image.png().toFile(`${file}.png`)
          : i % 4
            ? image.webp().toFile(`${file}.webp`)
            : image.jpeg().toFile(`${file}.JPG`));
      }
    }
    await cp(join(directory, 'nut', '1.png'), join(directory, 'nut', 'copy.png'));
    await writeFile(join(directory, 'bolt', 'broken.png'), 'no picture');
    await writeFile(join(directory, 'bolt', 'notes.txt'), 'x');
    await writeFile(join(directory, '.DS_Store'), 'x');
    await mkdir(join(directory, 'bolt', '.thumbnails'));
    await cp(join(directory, 'bolt', '1.png'), join(directory, 'bolt', '.thumbnails', '1.png'));
    await cp(join(directory, 'bolt', '5.png'), join(directory, 'nut', '.5.png'));
    await cp(join(directory, 'bolt'), join(directory, 'nut', 'deeper', '__MACOSX'), { recursive: true });
    const cache = join(root, 'cache');
    const read = () => imageFolder.read(directory, { size: 16, channels: 1, cache });
    const data = await read();
    expect(data.classes).toEqual(['bolt', 'nut']);
    expect(data.train.count + data.test.count).toBe(61);
    expect(data.train.image(0)).toHaveLength(256);
    expect(data.notes?.filter((note) => !/^(preprocessing|sizes)/.test(note))).toEqual([
      '1 file left out: not images by their name',
      '4 hidden files and folders left out (.thumbnails, __MACOSX and the like)',
      '1 of 62 images left out, which the worker would refuse too\n' +
        `  bolt/broken.png: The file is of an unknown kind; only ${ALL_FORMATS} are read. Save it as one of these.`,
      '1 image more than once; the same image stays in one split\n  nut/1.png, nut/copy.png',
    ]);
    const files = await readdir(cache);
    const levels = join(cache, files.find((file) => file.endsWith('.levels')) as string);
    const original = await readFile(levels);
    const first = Array.from({ length: data.train.count }, (_, i) => Buffer.from(data.train.image(i)));
    const { ino } = await stat(levels);
    const again = await read();
    expect([await readdir(cache), (await stat(levels)).ino]).toEqual([files, ino]);
    expect(Buffer.compare(again.train.image(3), first[3] as Buffer)).toBe(0);
    // One that was damaged or cut off is made anew.
    for (const damaged of [original.with(5, (original[5] as number) ^ 1), original.subarray(0, 1000)]) {
      await writeFile(levels, damaged);
      expect(Buffer.compare((await read()).train.image(3), first[3] as Buffer)).toBe(0);
      expect(await readFile(levels)).toEqual(original);
    }
    // Two at once fill one cache.
    await rm(cache, { recursive: true });
    const both = await Promise.all([read(), read()]);
    for (const { train } of both) for (let i = 0; i < train.count; i++) expect(Buffer.compare(train.image(i), first[i] as Buffer)).toBe(0);
    expect((await readdir(cache)).sort()).toHaveLength(2);
    await cp(join(directory, 'nut', '4.JPG'), join(directory, 'bolt', 'same.jpg'));
    await expect(read()).rejects.toThrow(/1 image in more than one class. Leave each in one class\n {2}bolt\/same.jpg, nut\/4.JPG\n/);
  });

  it('may be links, of images and of class folders; a link to where it lies does not go round', async () => {
    const [directory, elsewhere] = [join(root, 'links'), join(root, 'elsewhere')];
    for (const folder of [join(directory, 'bolt'), join(elsewhere, 'deeper'), join(elsewhere, 'loose')])
      await mkdir(folder, { recursive: true });
    for (let i = 0; i < 40; i++) {
      const file = join(elsewhere, i < 20 ? 'deeper' : 'loose', `${i}.png`);
      await picture(1 + i, 20, 20)
        .png()
        .toFile(file);
      if (i >= 20) await symlink(file, join(directory, 'bolt', `${i}.png`));
    }
    await symlink(join(elsewhere, 'deeper'), join(directory, 'nut'));
    await symlink(elsewhere, join(elsewhere, 'deeper', 'round'));
    await rm(join(elsewhere, 'loose', '20.png'));
    const read = () => imageFolder.read(directory, { size: 8, channels: 1, cache: join(root, 'cache') });
    const data = await read();
    expect(data.classes).toEqual(['bolt', 'nut']);
    expect(data.train.count + data.test.count).toBe(39);
    expect(data.notes?.filter((note) => !note.startsWith('preprocessing'))).toEqual([
      '1 path left out: links that lead nowhere, or not files. Remove them, or mend the links\n  bolt/20.png',
      '1 folder left out: links to a parent, or to a folder that was read already. Remove the links\n  nut/round',
    ]);
  });

  it('say what is missing', async () => {
    const directory = join(root, 'few');
    const read = () => imageFolder.read(directory, { size: 16, channels: 3, cache: join(root, 'cache') });
    await expect(read()).rejects.toThrow(/does not exist; a folder with a folder of images for each class/);
    await mkdir(join(directory, 'a'), { recursive: true });
    await expect(read()).rejects.toThrow(/has 1 folder; one for each class is needed, two at least/);
    await mkdir(join(directory, 'b'));
    await expect(read()).rejects.toThrow(new RegExp(`holds no ${ANY_FORMAT} files in the folders of its 2 classes \\(a, b\\)`));
    await writeFile(join(directory, 'a', 'x.png'), '');
    await expect(read()).rejects.toThrow(/2 classes with fewer than 10 images that can be read.*\n {2}a: 0\n {2}b: 0\n/);
    await picture(3, 9, 9)
      .png()
      .toFile(join(directory, 'b', 'y.png'));
    await expect(read()).rejects.toThrow(/ {2}a: 0\n {2}b: 1\n/);
  });

  it('COIL-100 is read by its names, missing views told', async () => {
    const directory = join(root, 'coil');
    await mkdir(directory);
    for (const object of [1, 2, 100]) {
      for (let angle = 0; angle < 360; angle += 60)
        await picture(object + angle, 128, 128)
          .png()
          .toFile(join(directory, `obj${object}__${angle}.png`));
    }
    await writeFile(join(directory, 'obj101__0.png'), '');
    const coil = await coil100.read(directory, { ...options, cache: join(root, 'cache') });
    expect(coil.notes).toEqual(['7182 of 7200 views are missing']);
    expect(coil.train.count + coil.test.count).toBe(18);
    const isTest = (file: string) => createHash('sha256').update(file).digest().readUInt32BE(0) < 0.2 * 2 ** 32;
    const tests = [1, 2, 100].flatMap((object) =>
      [0, 60, 120, 180, 240, 300].filter((angle) => isTest(`obj${object}__${angle}.png`)).map(() => object - 1),
    );
    expect(Array.from(coil.test.labels)).toEqual(tests);
    await writeFile(join(directory, 'obj3__5.png'), 'no picture');
    await expect(coil100.read(directory, { ...options, cache: join(root, 'cache') })).rejects.toThrow(
      /obj3__5.png: .*of an unknown kind.* \(1 files/,
    );
  });

  it('the same content never straddles splits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 300 }), fc.integer({ min: 1, max: 40 }), fc.integer(), (count, contents, seed) => {
        const groups = Array.from({ length: count }, (_, i) => String((i * 7919) % contents));
        const labels = Uint8Array.from(groups, (group) => Number(group) % 3);
        const sized = { train: { count, labels }, test: { count: 1 }, groups };
        const { test: _, ...splits } = splitsOf(sized, seed);
        const where = new Map<string, string>();
        for (const [split, indices] of Object.entries(splits)) {
          for (const i of indices) expect(where.get(groups[i] as string) ?? split).toBe(split);
          for (const i of indices) where.set(groups[i] as string, split);
        }
        // The same content counts once where thresholds are set.
        for (const split of ['tune', 'calibration'] as const)
          expect(new Set(splits[split].map((i) => groups[i])).size).toBe(splits[split].length);
        expect(where.size).toBe(new Set(groups).size);
      }),
    );
  });
});

it('a data set that does not come with the project needs a folder; sizes are for folders', async () => {
  const source = { dataDir: null, imageSize: null, channels: null };
  await expect(openDataset({ ...source, dataset: 'svhn' })).rejects.toThrow(
    /svhn does not come with the project: name the folder .* --data-dir/,
  );
  await expect(openDataset({ ...source, dataset: 'mnist', imageSize: 32 })).rejects.toThrow(
    /--image-size can't be given for mnist.*--data images/,
  );
});

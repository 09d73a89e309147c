import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../trainer/data/folder/fault.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(root, { recursive: true }));

interface Answer {
  isFit: boolean;
  form: string;
  classes: string[];
  faults: Fault[];
  counts: Record<string, number>[];
  promise: { images: number; smallestAlpha: number; wanted: { images: number; folder: number } };
}

/** Runs `pnpm data inspect` on a folder in a process of its own. */
function inspect(folder: string, ...more: string[]) {
  const cli = join(import.meta.dirname, '../../cli/data.ts');
  const args = ['inspect', '--data', 'images', '--data-dir', folder, '--image-size', '16', ...more];
  const run = (json: string[]) => spawnSync(process.execPath, [cli, ...args, ...json], { cwd: root, encoding: 'utf8' });
  const { stdout, stderr, status } = run(['--json', '--no-time']);
  if (stdout === '') throw new Error(stderr);
  const answer = JSON.parse(stdout) as Answer;
  const sum = (split: string) => answer.counts.reduce((all, row) => all + (row[split] as number), 0);
  const splits = Object.fromEntries(['train', 'validation', 'tune', 'calibration', 'test'].map((split) => [split, sum(split)]));
  const find = (what: RegExp) => answer.faults.find((fault) => what.test(fault.what));
  return { ...answer, status, splits, find, text: (...more: string[]) => run(more).stdout };
}

let seed = 0;
/** Draws a picture that is like no other. */
function picture(width = 20, height = 20) {
  const levels = createHash('shake256', { outputLength: 3 * width * height }).update(String(++seed));
  return sharp(levels.digest(), { raw: { width, height, channels: 3 } });
}

/** Writes numbered images into a folder. */
async function fill(folder: string, count: number, ending = 'png', make: () => Sharp = picture) {
  await mkdir(folder, { recursive: true });
  await Promise.all(Array.from({ length: count }, (_, i) => make().toFile(join(folder, `${i}.${ending}`))));
}

describe('pnpm data inspect finds all faults of a folder at once', () => {
  it('and says what to do about each', async () => {
    const folder = join(root, 'messy');
    const [cat, dog] = [join(folder, 'cat'), join(folder, 'dog')];
    await fill(cat, 30);
    await fill(dog, 30);
    await fill(join(folder, 'cow'), 3);
    await mkdir(join(folder, 'empty'));
    // Hidden and editor folders, in a class and above; see cases/hidden-folders-in-class.
    await cp(dog, join(cat, '.thumbnails'), { recursive: true });
    await cp(dog, join(cat, 'deeper', '__MACOSX'), { recursive: true });
    await cp(cat, join(folder, '@eaDir'), { recursive: true });
    const whole = await readFile(join(cat, '0.png'));
    await writeFile(join(cat, 'cut.png'), whole.subarray(0, whole.length >> 1));
    await symlink(folder, join(dog, 'loop'));
    await symlink('nowhere.png', join(dog, 'gone.png'));
    await cp(join(cat, '1.png'), join(dog, 'same.png'));
    await sharp(join(cat, '2.png')).webp({ lossless: true }).toFile(join(cat, 'resaved.webp'));
    await sharp({ create: { width: 30, height: 30, channels: 3, background: '#fff' } })
      .png()
      .toFile(join(dog, 'blank.png'));
    await picture().tiff({ compression: 'lzw' }).toFile(join(dog, 'scan.tif'));
    await picture().png().toFile(join(folder, 'loose.png'));
    await cp(join(dog, '3.png'), join(dog, 'no-ending'));
    await writeFile(join(dog, 'notes.txt'), 'x');
    const { status, isFit, find, classes, text } = inspect(folder);
    expect([status, isFit, classes]).toEqual([1, false, ['cat', 'cow', 'dog', 'empty']]);
    expect(find(/more than one class/)).toMatchObject({ severity: 'serious', files: ['cat/1.png, dog/same.png'] });
    expect(find(/fewer than 10/)).toMatchObject({ severity: 'serious', files: ['cow: 3', 'empty: 0'], todo: /Add images/ });
    expect(find(/the worker would refuse too/)?.files).toEqual([expect.stringMatching(/^cat\/cut.png: The PNG/)]);
    expect(find(/parent/)).toMatchObject({ severity: 'warning', files: [expect.stringMatching(/^dog\/loop/)] });
    expect(find(/lead nowhere/)?.files).toEqual(['dog/gone.png']);
    expect(find(/more than once/)?.files).toEqual(['cat/2.png, cat/resaved.webp (different files, alike at 16 x 16)']);
    expect(find(/blank/)?.files).toEqual(['dog/blank.png']);
    expect(find(/\(1 TIFF\) can be trained on/)?.files).toEqual(['dog/scan.tif']);
    expect(find(/in no class folder/)?.files).toEqual(['loose.png']);
    expect(find(/do not end as/)?.files).toEqual(['dog/no-ending: a PNG']);
    expect(find(/not images by their name/)?.what).toMatch(/^1 file /);
    expect(find(/hidden/)?.what).toMatch(/^3 hidden/);
    expect(text()).toMatch(/serious: 1 image in more than one class. Leave each in one class\n {2}cat\/1.png, dog\/same.png\n/);
  });

  it('none where there is none, and tells what the folder can promise', async () => {
    const folder = join(root, 'two');
    await fill(join(folder, 'a'), 50);
    await fill(join(folder, 'b'), 50, 'webp');
    const { status, faults, splits, promise, text } = inspect(folder);
    expect([status, faults]).toEqual([0, [{ severity: 'note', what: expect.stringMatching(/^preprocessing: --fit contain/) }]]);
    expect(splits).toEqual({ train: 58, validation: 3, tune: 3, calibration: 16, test: 20 });
    expect(promise).toMatchObject({ images: 16, smallestAlpha: 1 - 0.05 ** (1 / 16), wanted: { images: 199, folder: 1244 } });
    expect(text()).toMatch(/about 1244 images in the folder, or --alpha 0.171\ntraining takes roughly \d+.*s .*\ncontact sheet/);
  });

  it('in a folder of 300 classes', async () => {
    const folder = join(root, 'many');
    for (let label = 0; label < 300; label++) await fill(join(folder, `class-${label}`), label === 7 ? 9 : 10);
    const { status, classes, find } = inspect(folder);
    expect([status, classes.length]).toEqual([1, 300]);
    expect(find(/1 class with fewer/)?.files).toEqual(['class-7: 9']);
  }, 180_000);
});

describe('pnpm data inspect recognises', () => {
  it("ImageNet's layout: its splits are used, flat ones told", async () => {
    const folder = join(root, 'imagenet');
    for (const wnid of ['n01440764', 'n01443537']) await fill(join(folder, 'train', wnid), 20, 'JPEG');
    await fill(join(folder, 'val'), 5, 'JPEG');
    const { status, classes, find, splits } = inspect(folder);
    expect([status, classes]).toEqual([0, ['n01440764', 'n01443537']]);
    expect(find(/val is left out: its images are not in class folders/)?.todo).toMatch(/--labels FILE/);
    expect(Object.values(splits).reduce((sum, count) => sum + count, 0)).toBe(40);
  });

  it('folders for train, validation and test, which share no image', async () => {
    const folder = join(root, 'splits');
    for (const name of ['a', 'b']) {
      await fill(join(folder, 'training', name), 40);
      await fill(join(folder, 'valid', name), 7);
      await fill(join(folder, 'test', name), 9);
    }
    await cp(join(folder, 'test', 'a', '3.png'), join(folder, 'training', 'a', 'copy.png'));
    const { status, form, splits, find } = inspect(folder);
    expect([status, form]).toEqual([0, 'splits in test, training, valid, a folder for each class in them']);
    expect(splits).toEqual({ train: 61, validation: 14, tune: 3, calibration: 16, test: 18 });
    expect(find(/left out: the same is among/)?.files).toEqual(['training/a/copy.png']);
    await fill(join(folder, 'extra', 'c'), 3);
    await rm(join(folder, 'training', 'b'), { recursive: true });
    const other = inspect(folder);
    expect(other.status).toBe(1);
    expect(other.find(/extra is next to folders that are splits/)?.todo).toMatch(/--labels FILE/);
    expect(other.find(/training has no folder for 1 class: b/)?.severity).toBe('serious');
  });

  it('a folder within the folder that was named', async () => {
    const folder = join(root, 'zip');
    for (const name of ['a', 'b']) await fill(join(folder, 'photos', name), 10);
    expect(inspect(folder).find(/holds one folder, photos/)?.todo).toBe(`Name that one: --data-dir ${join(folder, 'photos')}`);
  });

  it('a CSV of file and label, in the folder or anywhere', async () => {
    const folder = join(root, 'csv');
    await fill(join(folder, 'images'), 60);
    const rows = Array.from({ length: 59 }, (_, i) => `"images/${i}${i % 2 ? '' : '.png'}";${i % 3 ? 'nut, small' : 'bolt'}`);
    await writeFile(join(folder, 'labels.csv'), `\uFEFFFilename;Class\r\n${rows.join('\r\n')}\r\n`);
    const { status, classes, find, splits } = inspect(folder);
    expect([status, classes]).toEqual([0, ['bolt', 'nut, small']]);
    expect(Object.values(splits).reduce((sum, count) => sum + count, 0)).toBe(59);
    expect(find(/in no row/)?.what).toMatch(/^1 image /);
    const elsewhere = join(root, 'elsewhere', 'l.csv');
    await mkdir(dirname(elsewhere));
    const split = (i: number) => ['train', 'val', 'test'][i < 40 ? 0 : i % 2 ? 1 : 2];
    const lines = Array.from({ length: 60 }, (_, i) => `images/${i}.png,${i % 2},${split(i)}`);
    await writeFile(elsewhere, ['file,label,split', ...lines].join('\n'));
    expect(inspect(folder, '--labels', elsewhere).splits).toEqual({ train: 30, validation: 10, tune: 2, calibration: 8, test: 10 });
    await writeFile(elsewhere, ['file,label,split', ...lines, 'images/0.png,1,train', 'gone.png,1,train', 'images/1.png,,x'].join('\n'));
    const wrong = inspect(folder, '--labels', elsewhere);
    expect(wrong.find(/name no file/)?.files).toEqual(['line 63: gone.png']);
    expect(wrong.find(/name a file again/)?.files).toEqual(['line 62: images/0.png']);
    expect(wrong.find(/no label/)?.files).toEqual(['line 64: no label']);
  });
});

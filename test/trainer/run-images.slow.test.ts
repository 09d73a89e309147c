import { existsSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { openDataset } from '../../trainer/data/datasets.ts';
import { CACHE } from '../../trainer/data/image-cache.ts';
import { keepImages, keptBytes } from '../../trainer/data/kept-images.ts';
import { DAYS_UNUSED, pruneCache } from '../../trainer/data/levels-file.ts';
import { splitsOf } from '../../trainer/data/splits.ts';
import { createRun, imagesFolder, openRun, type Run } from '../../trainer/run.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';
import { openDatasetOf } from '../../trainer/run-images.ts';
import { tinyTraining } from './tiny-dataset.ts';

const SIDE = 8;
const PER_CLASS = 20;
let root: string;
let cwd: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  cwd = process.cwd();
  // The cache of images lies beside the runs.
  process.chdir(root);
  for (const [y, name] of ['dark', 'light'].entries()) {
    await mkdir(join('original', name), { recursive: true });
    for (let i = 0; i < PER_CLASS; i++)
      await sharp(Buffer.from(Array.from({ length: SIDE * SIDE }, (_, at) => 100 * y + i + 50 * (at % 2))), {
        raw: { width: SIDE, height: SIDE, channels: 1 },
      })
        .png()
        .toFile(join('original', name, `${i}.png`));
  }
  await cp('original/dark/1.png', 'original/cover.png');
});
afterAll(async () => {
  process.chdir(cwd);
  await rm(root, { recursive: true });
});

/** A run on a copy of the folder, `photos`, with its images as `train` keeps them. */
let run: Run;
/** All pixels of the run's images, train and test, in order. */
let pixels: number[];
beforeEach(async () => {
  for (const folder of ['photos', 'moved', 'runs']) await rm(folder, { recursive: true, force: true });
  await cp('original', 'photos', { recursive: true, preserveTimestamps: true });
  const source = { dataset: 'images' as const, dataDir: join(root, 'photos'), imageSize: SIDE, channels: 1 as const };
  const dataset = await openDataset(source);
  const { classes, input, checksums } = dataset;
  run = await createRun(
    {
      ...{ name: 'own', portcullis: '0', ...source, classes, input, checksums, preset: 'quick', training: tinyTraining, seed: 1 },
      ...{ backend: 'none', calibration: defaultCalibration, threads: 1, started: '2026-01-01T00:00:00.000Z' },
      ...{ epochs: 0, bestEpoch: 0, status: 'training' },
    },
    splitsOf(dataset, 1),
  );
  expect(await keepImages(imagesFolder(run), dataset, source.dataDir)).toBe(2 * PER_CLASS * SIDE * SIDE);
  pixels = pixelsOf(dataset);
});

function pixelsOf({ train, test }: Awaited<ReturnType<typeof openDataset>>): number[] {
  return [train, test].flatMap((images) =>
    Array.from(imagesAt(images, [...Array(images.count).keys()]), (value) => Math.round(255 * value)),
  );
}

/** The notes on the folder, where the run's images are the same as ever. */
async function notesOf(options = {}): Promise<string[]> {
  const { notes = [], ...dataset } = await openDatasetOf(await openRun('own'), options);
  expect(pixelsOf(dataset)).toEqual(pixels);
  return notes;
}

it('a run on an unchanged folder says nothing of it', async () => {
  expect(await notesOf()).toEqual([]);
  // It holds an image in no class, as it did.
  expect(existsSync('photos/cover.png')).toBe(true);
  // Another time of change alone is no change.
  await utimes('photos/dark/3.png', new Date(), new Date());
  expect(await notesOf()).toEqual([]);
});

it('files that were renamed, removed, changed or added are noted, and make no difference', async () => {
  await rename('photos/dark/0.png', 'photos/dark/zero.png');
  await rm('photos/dark/1.png');
  await cp('photos/dark/2.png', 'photos/light/2.png');
  await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .png()
    .toFile('photos/light/more.png');
  await writeFile('photos/light/notes.txt', '');
  expect(await notesOf()).toEqual([
    `the run keeps the images that it was started with, and uses those; ${root}/photos since: 1 renamed (dark/0.png is dark/zero.png); ` +
      '1 not there any more (dark/1.png); 1 changed since (light/2.png); 1 more (light/more.png)',
  ]);
});

it('a folder that was moved or deleted makes no difference, nor does a cache that was removed', async () => {
  await rename('photos', 'moved');
  expect(await notesOf()).toEqual([expect.stringMatching(/photos since: it is not there any more$/)]);
  expect(await notesOf({ dataDir: 'moved' })).toEqual([]);
  await rm('moved', { recursive: true });
  await rm(CACHE, { recursive: true });
  expect(await notesOf()).toHaveLength(1);
});

it('images that were damaged are decoded again from the folder, and refused without it', async () => {
  const levels = join(imagesFolder(run), 'levels');
  const damage = async () => {
    const bytes = await readFile(levels);
    await rm(levels);
    await writeFile(levels, bytes.with(17, (bytes[17] as number) ^ 1));
  };
  await damage();
  expect((await notesOf())[0]).toMatch(/images in runs\/own\/images are damaged.* They were decoded again from .*photos/);
  expect(await notesOf()).toEqual([]);

  await damage();
  await rename('photos', 'moved');
  await expect(openDatasetOf(run)).rejects.toThrow(/are damaged: .*photos does not exist.* name its folder with --data-dir/);
  expect((await notesOf({ dataDir: 'moved' }))[0]).toMatch(/are damaged.* They were decoded again from .*moved/);
  expect((await openRun('own')).config.dataDir).toBe(join(root, 'moved'));

  await damage();
  await rm('moved/dark/1.png');
  await expect(openDatasetOf(await openRun('own'))).rejects.toThrow(/are damaged: .*are not those that run own was started with/);
});

it('a damaged cache is decoded again', async () => {
  const { path } = (await openDatasetOf(run)).train.stored as { path: string };
  expect((await stat(path)).nlink).toBe(2);
  await appendFile(path, 'x');
  const opened = await openDataset({ dataset: 'images', dataDir: join(root, 'photos'), imageSize: SIDE, channels: 1 });
  expect(pixelsOf(opened)).toEqual(pixels);
  // The run's name for it was the same file.
  expect((await notesOf())[0]).toMatch(/are damaged/);
});

it('a run of an older version, without images of its own, gets them where its folder is unchanged, and refuses another', async () => {
  await rm(imagesFolder(run), { recursive: true });
  await cp('photos/dark/1.png', 'photos/dark/more.png');
  await expect(openDatasetOf(run)).rejects.toThrow(/photos are not those that run own was started with. If the folder was moved/);
  await rm('photos/dark/more.png');
  await notesOf();
  expect(await keptBytes(imagesFolder(run))).toBe(2 * PER_CLASS * SIDE * SIDE);
});

it('a cache that no run keeps is removed once it was not used for a week', async () => {
  const { path } = (await openDataset({ dataset: 'images', dataDir: join(root, 'photos'), imageSize: SIDE, channels: 1 })).train.stored as {
    path: string;
  };
  const unused = new Date(Date.now() - (DAYS_UNUSED * 24 + 1) * 3_600_000);
  await utimes(path, unused, unused);
  expect([await pruneCache(CACHE), existsSync(path)]).toEqual([0, true]);
  await rm('runs/own', { recursive: true });
  await utimes(path, new Date(), new Date());
  expect([await pruneCache(CACHE), existsSync(path)]).toEqual([2 * PER_CLASS * SIDE * SIDE, true]);
  await utimes(path, unused, unused);
  expect([await pruneCache(CACHE), existsSync(path)]).toEqual([0, false]);
  expect(existsSync(path.replace(/levels$/, 'json'))).toBe(false);
});

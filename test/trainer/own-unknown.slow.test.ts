import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defaultPreprocess } from '../../shared/images/preprocess.ts';
import { inMemory, type LabelledImages } from '../../trainer/data/dataset.ts';
import { openOwnUnknown } from '../../trainer/data/unknown/own.ts';
import { nameOwnUnknown, ownUnknownOf, unknownFolderOf, withOwn } from '../../trainer/own-unknown.ts';
import type { Run } from '../../trainer/run.ts';
import { tinyTraining } from './tiny-dataset.ts';

const input = { height: 8, width: 8, channels: 1 as const };
const set = (levels: number[]) =>
  inMemory(Uint8Array.from(levels.flatMap((level) => new Array(64).fill(level))), new Uint8Array(levels.length));
const dataset = { input, train: set([1, 2, 3]), test: set([4]) };

let folder: string;
const options = () => ({ rules: defaultPreprocess, cache: join(folder, '.cache') });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  await mkdir(join(folder, 'deep', 'deeper'), { recursive: true });
  await mkdir(join(folder, 'known'));
  const write = (level: number, path: string) =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: { r: level, g: level, b: level } } })
      .png()
      .toFile(join(folder, path));
  for (let level = 100; level < 140; level++) await write(level, join('deep', level % 2 ? '' : 'deeper', `${level}.png`));
  await write(110, join('deep', 'again.png'));
  // Two of the data set: one that trains, one that tests.
  for (const level of [2, 4]) await write(level, join('known', `${level}.png`));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('unknown images are divided by their content, each once; those of the data set are left out', async () => {
  const { train, validation, test, notes } = await openOwnUnknown(folder, dataset, options());
  const parts = [train, validation, test].map((part) => Array.from({ length: part.count }, (_, i) => part.image(i)[0] as number));
  expect(parts.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => 100 + i));
  expect(parts.every((part) => part.length > 0)).toBe(true);
  expect(train.count).toBeGreaterThan(validation.count);
  expect(notes.join('\n')).toMatch(/2 unknown images left out: they are images of the data set/);
  expect(notes.join('\n')).toMatch(/1 unknown images appear more than once/);
  expect(notes.at(-1)).toMatch(new RegExp(`^${test.count} to report on are few: even if none is accepted, up to [\\d.]+ % may be`));
});

it('a folder of known images, or of none, is refused', async () => {
  await expect(openOwnUnknown(join(folder, 'known'), dataset, options())).rejects.toThrow(/every image in .* is one of the data set's/);
  await expect(openOwnUnknown(join(folder, 'nowhere'), dataset, options())).rejects.toThrow(/can't be read/);
});

it('a run keeps its own copy, so that a moved folder is no matter; a damaged copy is not used', async () => {
  const [here, there] = [join(folder, 'deep'), join(folder, 'moved')];
  const run = { directory: join(folder, '.run'), config: { name: 'r', training: tinyTraining } } as Run;
  const whole = { ...dataset, name: 'tiny', classes: ['a'], checksums: {} };
  await mkdir(run.directory);
  await nameOwnUnknown(run, here, whole);
  const first = (part: LabelledImages | undefined) => Array.from({ length: part?.count ?? 0 }, (_, i) => part?.image(i)[0]);
  const before = await ownUnknownOf(run, whole);
  await rename(here, there);
  const after = await ownUnknownOf(run, whole);
  for (const part of ['train', 'validation', 'test'] as const) expect(first(after?.[part])).toEqual(first(before?.[part]));
  const reported = first(before?.test);
  await rm(join(unknownFolderOf(run), 'levels'));
  await writeFile(join(unknownFolderOf(run), 'levels'), 'x');
  await expect(ownUnknownOf(run, whole)).rejects.toThrow(/can't be read/);
  await rename(there, here);
  expect(first((await ownUnknownOf(run, whole))?.test)).toEqual(reported);
});

it('half of the outliers are of the user, where there are some to train on', () => {
  expect(withOwn(tinyTraining, 3).outlierKinds).toEqual({ ...tinyTraining.outlierKinds, own: 10 });
  expect(withOwn(tinyTraining, 0)).toBe(tinyTraining);
});

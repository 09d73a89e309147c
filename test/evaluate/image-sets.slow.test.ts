import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, it } from 'vitest';
import { FGSM_EPSILONS, type ImageSet, imageSets } from '../../evaluate/images/image-sets.ts';
import { unknownFolder } from '../../evaluate/images/unknown.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { defaultPreprocess } from '../../shared/images/preprocess.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import type { Dataset } from '../../trainer/data/dataset.ts';
import { buildModel, type Model } from '../../trainer/model/build-model.ts';
import { input, tinyArchitecture } from '../export/tiny-model.ts';
import { tinyDataset } from '../trainer/tiny-dataset.ts';

let model: Model;
beforeAll(async () => {
  await useWasm();
  model = buildModel(tinyArchitecture, input, 3);
});

const counts = { clean: 50, attacked: 20, nonsense: 11 };
const all = (set: ImageSet, atOnce: number) => Array.from(set.batches(atOnce), (images) => [...images]).flat();

it('sets are the same however many images are asked for at once, and whichever is read first', () => {
  const dataset = tinyDataset(30, 60);
  const sets = imageSets(model, dataset, counts, 5);
  expect(sets.map(({ name, labels }) => [name, labels.length])).toEqual([
    ['clean test images', 50],
    ...FGSM_EPSILONS.map((eps) => [`FGSM, epsilon ${eps}`, 20]),
    ['uniform noise', 11],
    ['blank pages', 11],
    ['drawn nonsense', 11],
  ]);
  const whole = sets.map((set) => all(set, 1000));
  expect(whole.map(({ length }) => length)).toEqual(sets.map(({ labels }) => 64 * labels.length));
  const again = imageSets(model, dataset, counts, 5).reverse();
  expect(again.map((set) => all(set, 7)).reverse()).toEqual(whole);
  expect(new Set(whole.map(String)).size).toBe(sets.length);
  // Another seed, other images.
  expect(all(imageSets(null, dataset, counts, 6)[1] as ImageSet, 100)).not.toEqual(whole[6]);
});

it('images of another data set are of no class', () => {
  const sets = imageSets(null, tinyDataset(3, 60), counts, 5, { name: 'other test images', images: tinyDataset(3, 40).test });
  const last = sets.at(-1) as ImageSet;
  expect([last.name, last.labels]).toEqual(['unknown: other test images', new Array(40).fill(-1)]);
  expect(all(last, 7)).toEqual(
    all(
      imageSets(null, tinyDataset(3, 40), { ...counts, clean: 40 }, 5, {
        name: 'x',
        images: tinyDataset(3, 40).test,
      }).at(-1) as ImageSet,
      100,
    ),
  );
  expect(all(last, 9)).toHaveLength(40 * 64);
});

it('test images are read when they are asked for, no sooner', () => {
  const dataset = tinyDataset(30, 60);
  let read = 0;
  const test: Dataset['test'] = {
    ...dataset.test,
    image: (i) => {
      read++;
      return dataset.test.image(i);
    },
  };
  const [clean, attacked] = imageSets(model, { ...dataset, test }, counts, 5) as [ImageSet, ImageSet];
  expect(read).toBe(0);
  for (const [set, atOnce] of [
    [clean, 8],
    [attacked, 5],
  ] as const) {
    read = 0;
    for (const images of set.batches(atOnce)) {
      // One look at the first image's size more.
      expect([images.length, read]).toEqual([64 * atOnce, atOnce + 1]);
      break;
    }
  }
});

it('unknown images may lie in one folder, without classes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  for (const level of [0, 100, 200])
    await sharp({ create: { width: 12, height: 12, channels: 3, background: { r: level, g: level, b: level } } })
      .png()
      .toFile(join(folder, `${level}.png`));
  await writeFile(join(folder, 'notes.txt'), 'x');
  const { name, images } = await unknownFolder(folder, { height: 8, width: 8, channels: 1 }, defaultPreprocess, join(folder, '.cache'));
  expect([name, images.count, [0, 1, 2].map((i) => images.image(i)[20])]).toEqual(['own images', 3, [0, 100, 200]]);
  const nothing = join(folder, 'nothing');
  await mkdir(nothing);
  await expect(unknownFolder(nothing, { height: 8, width: 8, channels: 1 }, defaultPreprocess)).rejects.toThrow(`holds no ${ANY_FORMAT}`);
  await rm(folder, { recursive: true });
});

it('so many images fit into memory at once', () => {
  const square = (size: number) => ({ height: size, width: size, channels: 3 as const });
  expect(imagesWithinMemory({ height: 28, width: 28, channels: 1 }, 500)).toBe(500);
  expect(imagesWithinMemory(square(128), 500)).toBe(85);
  expect(imagesWithinMemory(square(128), 8, 100)).toBe(1);
  expect(imagesWithinMemory(square(4096), 500)).toBe(1);
});

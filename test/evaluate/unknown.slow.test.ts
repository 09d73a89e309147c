import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { unknownFolder } from '../../evaluate/images/unknown.ts';
import { jobInputs } from '../../evaluate/measure/context.ts';
import { imagesWithinMemory } from '../../node/images-within-memory.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { defaultPreprocess } from '../../shared/images/preprocess.ts';
import { tinyDataset } from '../trainer/tiny-dataset.ts';

it('images are the same whatever job they are in, and others with another seed', () => {
  const dataset = tinyDataset(30, 60);
  const of = (from: number, to: number, seed = 5) => jobInputs({ dataset, seed }, { from, to });
  const [whole, parts] = [of(0, 50), [of(0, 7), of(7, 29), of(29, 50)]];
  expect(parts.flatMap(({ images }) => [...images])).toEqual([...whole.images]);
  for (const field of ['numbers', 'labels', 'seeds'] as const) expect(parts.flatMap((part) => part[field])).toEqual(whole[field]);
  expect(new Set(whole.seeds).size).toBe(50);
  expect(of(0, 50, 6).images).not.toEqual(whole.images);
});

it('unknown images may lie in one folder, without classes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  for (const level of [0, 100, 200])
    await sharp({ create: { width: 12, height: 12, channels: 3, background: { r: level, g: level, b: level } } })
      .png()
      .toFile(join(folder, `${level}.png`));
  await writeFile(join(folder, 'notes.txt'), 'x');
  const input = { height: 8, width: 8, channels: 1 as const };
  const screening = { input, preprocess: defaultPreprocess, provenance: { training: {} } as Screening['provenance'] };
  const { name, images } = await unknownFolder(folder, screening, join(folder, '.cache'));
  expect([name, images.count, [0, 1, 2].map((i) => images.image(i)[20])]).toEqual(['own images', 3, [0, 100, 200]]);
  const nothing = join(folder, 'nothing');
  await mkdir(nothing);
  await expect(unknownFolder(nothing, screening)).rejects.toThrow(`holds no ${ANY_FORMAT}`);
  await rm(folder, { recursive: true });
});

it('so many images fit into memory at once', () => {
  const square = (size: number) => ({ height: size, width: size, channels: 3 as const });
  expect(imagesWithinMemory({ height: 28, width: 28, channels: 1 }, 500)).toBe(500);
  expect(imagesWithinMemory(square(128), 500)).toBe(85);
  expect(imagesWithinMemory(square(128), 8, 100)).toBe(1);
  expect(imagesWithinMemory(square(4096), 500)).toBe(1);
});

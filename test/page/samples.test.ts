import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { unknownKinds } from '../../trainer/data/unknown/kinds.ts';

const folder = new URL('../../page/samples/', import.meta.url);

it.each(await readdir(folder))('%s tells a visitor, who gave none of the images, whose they are', async (file) => {
  const { samples } = JSON.parse(await readFile(new URL(file, folder), 'utf8')) as { samples: { group: string; name: string }[] };
  const names = samples.filter(({ group }) => group !== 'clean').map(({ name }) => name);
  expect(names.length).toBeGreaterThan(6);
  const known = [...unknownKinds.values()].map(({ aboutToOthers }) => aboutToOthers);
  expect(known).toEqual(expect.arrayContaining(names));
  expect(names.filter((name) => /\byour\b/.test(name))).toEqual([]);
});

it('a training speaks of "your images" where the page speaks of the model’s', () => {
  const { about, aboutToOthers } = unknownKinds.get('joined') ?? {};
  expect([about, aboutToOthers]).toEqual(['two of your images in one', 'two of the model’s images in one']);
  const others = [...unknownKinds.values()].map(({ about, aboutToOthers }) => [aboutToOthers.replace('the model’s', 'your'), about]);
  for (const [told, trained] of others) expect(told).toBe(trained);
});

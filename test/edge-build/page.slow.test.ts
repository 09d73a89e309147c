import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generate } from '../../edge/build/generate.ts';
import { buildPage } from '../../edge/build/page.ts';
import { openBundle } from '../../library/node.ts';

let target: string;
beforeAll(async () => {
  target = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(target, { recursive: true }));

it('a build has the page, which hands out the bundle, only if it is asked for', async () => {
  await generate('models/mnist', target);
  expect([await readFile(join(target, 'page.js'), 'utf8'), await readdir(join(target, 'page'))]).toEqual([
    'export const page = null;\n',
    [],
  ]);
  await generate('models/mnist', target, undefined, { use: 'deploy', force: false, page: true });
  expect(await readdir(join(target, 'page'))).toEqual(expect.arrayContaining(['engine.js.bin', 'index.html.bin', 'main.js.bin']));
  expect(await readFile(join(target, 'page.js'), 'utf8')).toContain('"index.html": file');
});

it('only a model of the same classes and size gets the samples of a data set; what the page loads first is small', async () => {
  const { screening } = await openBundle('models/mnist');
  const samplesOf = async (changed: object) => {
    const files = await buildPage({ ...screening, ...changed });
    return JSON.parse(new TextDecoder().decode(files['samples.json'])) as { group: string }[];
  };
  const groups = new Set((await samplesOf({})).map(({ group }) => group));
  expect(groups).toEqual(new Set(['clean', 'noise', 'unknown']));
  expect(await samplesOf({ classes: [...screening.classes].reverse() })).toEqual([]);
  expect(await samplesOf({ input: { height: 32, width: 32, channels: 1 } })).toEqual([]);
  const files = await buildPage(screening);
  expect(gzipSync(files['main.js'] as Uint8Array).length).toBeLessThan(15_000);
});

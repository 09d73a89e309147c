import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
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
  expect(await readdir(join(target, 'assets'))).toEqual([]);
  await generate('models/mnist', target, undefined, { use: 'deploy', force: false, page: true });
  expect(await readdir(join(target, 'page'))).toEqual(expect.arrayContaining(['engine.js.bin', 'index.html.bin', 'main.js.bin']));
  expect(await readFile(join(target, 'page.js'), 'utf8')).toContain('"index.html": file');
  const assets = join(target, 'assets/page');
  for (const name of ['ort-wasm-simd-threaded.wasm', 'ort-wasm-simd-threaded.asyncify.wasm']) {
    const bytes = await readFile(join(assets, `${name}.gz`));
    // Cloudflare takes no larger asset.
    expect(bytes.length).toBeLessThan(25 * 2 ** 20);
    expect(gunzipSync(bytes).equals(await readFile(join('node_modules/onnxruntime-web/dist', name)))).toBe(true);
    await writeFile(join(assets, `${name}.gz`), bytes.subarray(0, 1000));
  }
  await generate('models/mnist', target, undefined, { use: 'deploy', force: false, page: true });
  expect((await stat(join(assets, 'ort-wasm-simd-threaded.wasm.gz'))).size).toBeGreaterThan(1e6);
  await generate('models/mnist', target);
  expect(await readdir(join(target, 'assets'))).toEqual([]);
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
  expect(gzipSync(files['engine.js'] as Uint8Array).length).toBeLessThan(95_000);
});

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runInProcess } from './run-in-process.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(root, { recursive: true }));

const run = (name: string, ...args: string[]) => runInProcess(name, args, root);

it('icons on transparency train, and the bundle screens them as they were trained on', async () => {
  for (const [label, name] of ['disc', 'box'].entries()) {
    await mkdir(join(root, 'icons', name), { recursive: true });
    for (let i = 0; i < 60; i++) {
      const [width, height, side] = [24 + (i % 9), 24 + (i % 7), 10 + (i % 5)];
      const shape = label === 0 ? `<circle cx="12" cy="12" r="${side / 2}"/>` : `<rect x="3" y="4" width="${side}" height="${side}"/>`;
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" fill="rgb(${i},${2 * i},40)">${shape}</svg>`;
      await sharp(Buffer.from(svg))
        .png()
        .toFile(join(root, 'icons', name, `${i}.png`));
    }
  }
  const options = [
    '--data',
    'images',
    '--data-dir',
    'icons',
    '--image-size',
    '16',
    '--backend',
    'wasm',
    '--preset',
    'quick',
    '--epochs',
    '1',
    '--threads',
    '1',
  ];
  const calibration = ['--calibration', 'three-sigma'];
  const trained = await run('train', ...options, ...calibration, '--name', 'icons');
  expect(trained.out).toContain('preprocessing: --fit contain --background white --polarity as-is (aspect ratios differ');
  expect((await run('export', '--run', 'icons', '--force')).err).not.toMatch(/^error/m);
  const preprocess = async (name: string) => JSON.parse(await readFile(join(root, 'models', name, 'screening.json'), 'utf8')).preprocess;
  expect(await preprocess('icons')).toMatchObject({ fit: 'contain', background: 255, polarity: 'as-is' });
  const own = ['--fit', 'cover', '--background', '#ff8000', '--polarity', 'inverted'];
  expect((await run('train', ...options, ...calibration, ...own, '--name', 'own')).code).toBe(0);
  expect((await run('export', '--run', 'own', '--force')).err).not.toMatch(/^error/m);
  expect(await preprocess('own')).toMatchObject({ fit: 'cover', background: [255, 128, 0], polarity: 'inverted' });
  const file = join('icons', 'disc', '7.png');
  const tensor = async (model: string) =>
    JSON.parse((await run('screen', '--model', model, '--explain', '--json', file)).out).explain.tensor;
  expect(await tensor('own')).not.toBe(await tensor('icons'));
}, 240_000);

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chosenModel, generate } from '../../edge/build/generate.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(() => rm(directory, { recursive: true }));

it.each([
  ['screen.onnx', (bytes: Buffer) => bytes.fill((bytes[100] as number) ^ 1, 100, 101), /screen\.onnx was changed: its sha256 is/],
  ['weights.bin', (bytes: Buffer) => bytes.subarray(0, 1000), /weights\.bin has 1000 bytes/],
  [
    'screening.json',
    (bytes: Buffer) => Buffer.from(bytes.toString().replace(/"alpha": [\d.]+/, '"alpha": 0.025')),
    /its checksum does not match/,
  ],
])('a bundle whose %s differs is not built into a worker', async (file, damage, message) => {
  const bundle = join(directory, `bundle-${file}`);
  const target = join(directory, `target-${file}`);
  await cp(join(import.meta.dirname, '../../models/mnist'), bundle, { recursive: true });
  const bytes = await readFile(join(bundle, file));
  const damaged = damage(Buffer.from(bytes));
  expect(Buffer.compare(bytes, damaged)).not.toBe(0);
  await writeFile(join(bundle, file), damaged);
  await expect(generate(bundle, target)).rejects.toThrow(message);
  expect(await readdir(target).catch(() => 'nothing written')).toBe('nothing written');
});

it('MODEL comes before the active model, and that before the reference', async () => {
  expect(await chosenModel(directory, undefined)).toEqual({ name: 'mnist', why: 'the reference model' });
  await writeFile(join(directory, '.active'), 'mine\n');
  expect(await chosenModel(directory, undefined)).toEqual({ name: 'mine', why: 'the active model' });
  expect(await chosenModel(directory, 'other')).toEqual({ name: 'other', why: 'MODEL' });
});

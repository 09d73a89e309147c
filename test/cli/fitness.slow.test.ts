import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generate } from '../../edge/build/generate.ts';
import { parseScreening } from '../../shared/bundle/open-bundle.ts';
import { randomFrom } from '../../shared/random.ts';
import { runInProcess } from './run-in-process.ts';

/** Ten classes of the same noise: whatever is learnt, nine labels in ten are wrong. */
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-fitness-'));
  const random = randomFrom(1, 'noise');
  for (let y = 0; y < 10; y++) {
    await mkdir(join(directory, 'photos', `kind ${y}`), { recursive: true });
    for (let i = 0; i < 40; i++) {
      const levels = Uint8Array.from({ length: 64 }, () => random.integer(0, 255));
      await sharp(levels, { raw: { width: 8, height: 8, channels: 1 } })
        .png()
        .toFile(join(directory, 'photos', `kind ${y}`, `${i}.png`));
    }
  }
});
afterAll(() => rm(directory, { recursive: true }));

const run = (...args: [string, ...string[]]) => runInProcess(args[0], args.slice(1), directory);
const images = [
  '--data',
  'images',
  '--data-dir',
  'photos',
  '--image-size',
  '8',
  '--channels',
  '1',
  '--alpha',
  '0.1',
  '--epochs',
  '1',
  '--threads',
  '1',
];
const bundle = () => join(directory, 'models', 'wrong');
const screening = async () => parseScreening(await readFile(join(bundle(), 'screening.json'), 'utf8'));
const active = () => readFile(join(directory, 'models', '.active'), 'utf8').catch(() => null);

it('a model that is mostly wrong is "not fit", is not made active and is not built, unless by force, which it remembers', async () => {
  const trained = await run('train', ...images, '--name', 'wrong', '--backend', 'wasm');
  expect(trained.out).toMatch(
    /verdict: not fit\n {2}against +\d\d\.?\d* % .*of the test images are accepted with a wrong class; at most 10 % may be/,
  );
  expect(trained.out).toMatch(
    /unmeasured 10 of 10 classes have fewer than 30 test images.*Class kind 0: \d test images of 40, about \d+0 are needed/,
  );
  expect((await run('runs')).out).toMatch(/wrong +calibrated .*not fit/);

  const exported = await run('export', '--run', 'wrong');
  expect(exported).toMatchObject({
    code: 0,
    out: expect.stringContaining('not made the active model, because it is not fit; pnpm export --force'),
  });
  expect([existsSync(join(bundle(), 'screening.json')), await active()]).toEqual([true, null]);
  expect(await readFile(join(bundle(), 'README.md'), 'utf8')).toContain('**Not fit.**');
  const target = join(directory, 'generated');
  await expect(generate(bundle(), target)).rejects.toThrow(
    /model wrong is not fit, so it is not built into a worker:\n- \d\d.* % .*\nChoose another .* FORCE=1/s,
  );
  await expect(generate(bundle(), target, undefined, { use: 'try', force: false })).rejects.toThrow(/FORCE=1 pnpm wrangler dev/);

  await generate(bundle(), target, undefined, { use: 'deploy', force: true });
  const built = await parseScreening(await readFile(join(target, 'screening.json.txt'), 'utf8'));
  expect(built.forced).toContainEqual({ of: 'error', what: expect.stringContaining('accepted with a wrong class') });
  expect(built.id).toBe((await screening()).id);

  const forced = await run('export', '--run', 'wrong', '--force');
  expect(forced.out).toContain('it is now the active model');
  expect([await active(), (await screening()).forced?.map(({ of }) => of)]).toEqual(['wrong\n', expect.arrayContaining(['error'])]);
  expect(await readFile(join(bundle(), 'README.md'), 'utf8')).toContain('accepted by --force: ');
  await generate(bundle(), target);
});

it('quick says that it is for trying out; its bundle may be tried out, but is not deployed', async () => {
  const trained = await run('train', ...images, '--name', 'tried', '--preset', 'quick', '--epochs', '3', '--backend', 'wasm');
  expect(trained.out).toContain('quick is for trying out: its bundle is a trial, which is not deployed without --force');
  expect(trained.out).toMatch(/verdict: not fit\n {2}against +It was trained with the preset quick/);
});

it('a wrong value is told with its flag, and a folder of folders with what it needs; both are wrong use', async () => {
  expect(await run('train', '--alpha', '2')).toMatchObject({ code: 2, err: expect.stringContaining('error: --alpha: 2 is not a share') });
  const folder = await run('train', '--data-dir', 'photos');
  expect([folder.code, folder.err]).toEqual([
    2,
    expect.stringMatching(/holds folders or images \(kind 0, kind 1, kind 2, …\).*add --data images/),
  ]);
  const alone = await run('train', ...images, '--batch-size', '4000');
  expect([alone.code, alone.err]).toEqual([2, expect.stringMatching(/--batch-size: 4000 images are too many; at most \d+ are allowed/)]);
});

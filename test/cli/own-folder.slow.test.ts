import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { openRun } from '../../trainer/run.ts';

const cli = join(import.meta.dirname, '../../cli');
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-'));
  const random = randomFrom(3, 'photos');
  for (const [y, name] of ['dark', 'light'].entries()) {
    await mkdir(join(directory, 'photos', name), { recursive: true });
    for (let i = 0; i < 160; i++) {
      const pixels = Buffer.from(Array.from({ length: 256 }, () => random.integer(0, 90) + 160 * y));
      await sharp(pixels, { raw: { width: 16, height: 16, channels: 1 } })
        .png()
        .toFile(join(directory, 'photos', name, `${i}.png`));
    }
  }
}, 60_000);
afterAll(() => rm(directory, { recursive: true }));

/** Runs a command as a user does, in the temporary folder; `onOutput` sees all that it has said so far. */
function run(args: string, onOutput: (said: string, kill: (signal: NodeJS.Signals) => void) => void = () => {}) {
  const [name, ...others] = args.split(' ');
  const child = spawn(process.execPath, [join(cli, `${name}.ts`), ...others], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said += text;
      onOutput(said, (signal) => child.kill(signal));
    });
  }
  return new Promise<{ code: number | null; said: string }>((resolve) => child.once('close', (code) => resolve({ code, said })));
}

const TRAIN = 'train --data images --data-dir photos --image-size 16 --channels 1 --preset quick --alpha 0.2 --delta 0.3 --threads 1';

it('a finished training is not lost by a renamed file, nor by a folder that is gone', async () => {
  const trained = await run(`${TRAIN} --epochs 2 --name mine`);
  expect(trained).toMatchObject({ code: 0, said: expect.stringContaining('0.1 MB of decoded images are kept in runs/mine/images') });
  await rename(join(directory, 'photos/dark/7.png'), join(directory, 'photos/dark/seven.png'));
  const note = 'the run keeps the images that it was started with, and uses those; ';
  for (const command of ['export', 'report', 'calibrate', 'evaluate --model mine --images 2 --threads 1']) {
    const { code, said } = await run(`${command}${command.startsWith('evaluate') ? '' : ' --run mine'}`);
    expect(said).toContain(`${note}${directory}/photos since: 1 renamed (dark/7.png is dark/seven.png)`);
    expect([command, code, said]).toEqual([command, 0, said]);
  }
  await rename(join(directory, 'photos'), join(directory, 'elsewhere'));
  expect(await run('export --run mine')).toMatchObject({
    code: 0,
    said: expect.stringContaining('photos since: it is not there any more'),
  });
  await rename(join(directory, 'elsewhere'), join(directory, 'photos'));
  expect(JSON.parse(await readFile(join(directory, 'models/mine/screening.json'), 'utf8')).classes).toEqual(['dark', 'light']);
}, 240_000);

it.each(['SIGINT', 'SIGKILL'] as const)(
  'a training that took too long, stopped by %s, is finished with its best epoch',
  async (signal) => {
    const name = signal.toLowerCase();
    let sent = false;
    const stopped = await run(`${TRAIN} --epochs 2000 --name ${name}`, (said, kill) => {
      if (!sent && said.includes('epoch 1 done')) kill(signal);
      sent = said.includes('epoch 1 done');
    });
    const finish = `pnpm train --finish ${name}`;
    if (signal === 'SIGINT')
      expect(stopped).toMatchObject({ code: 130, said: expect.stringContaining(`its best epoch so far: ${finish}`) });
    expect(await run(`export --run ${name}`)).toMatchObject({ code: 1, said: expect.stringContaining(finish) });
    expect(await run(`train --finish ${name} --epochs 3`)).toMatchObject({ code: 2 });
    const finished = await run(`train --finish ${name}`);
    expect(finished).toMatchObject({ code: 0, said: expect.stringMatching(/on \d+ test images: without thresholds .*next: pnpm export/s) });
    expect((await run(`export --run ${name}`)).code).toBe(0);
  },
  240_000,
);

it("another run's bundle is not replaced, unless that is asked for", async () => {
  const path = join(directory, 'models/mine/screening.json');
  const text = await readFile(path, 'utf8');
  const { trained } = JSON.parse(text).provenance;
  // As a new training under the same name, after the old run was removed, leaves it.
  const config = join(directory, 'runs/mine/config.json');
  await writeFile(config, (await readFile(config, 'utf8')).replace(trained, '2026-01-01T00:00:00.000Z'));
  expect(await run('export --run mine')).toEqual({
    code: 2,
    said:
      `error: models/mine holds the bundle of another run (quick on images, begun ${trained}) and is not overwritten. ` +
      'Choose another --name, or give --replace if you mean to replace it.\n',
  });
  expect(await readFile(path, 'utf8')).toBe(text);
  expect((await run('export --run mine --name other')).code).toBe(0);
  const refused = await run('calibrate --bundle models/other --images photos --alpha 0.2 --delta 0.3 --name mine');
  expect(refused).toMatchObject({ code: 2, said: expect.stringContaining('models/mine holds the bundle of another run') });
  expect((await run('export --run mine --replace')).code).toBe(0);

  // Thresholds of one's own images are not replaced either; those on other images are.
  const calibrate = 'calibrate --bundle models/other --images photos --alpha 0.2 --delta 0.3';
  for (let i = 0; i < 2; i++) expect((await run(`${calibrate} --name mine`)).code).toBe(0);
  expect(await run('export --run mine')).toMatchObject({
    code: 2,
    said: expect.stringContaining('thresholds from 320 images of your own'),
  });
  await writeFile(path, '{}');
  expect(await run('export --run mine')).toMatchObject({ code: 2, said: expect.stringContaining("holds a bundle that can't be read") });
  expect((await run('export --run mine --replace')).code).toBe(0);
}, 240_000);

it('a training goes on to its end where nobody reads its log any more', async () => {
  const command = [join(cli, 'train.ts'), ...TRAIN.split(' ').slice(1), '--epochs', '2', '--name', 'unread'];
  const child = spawn(process.execPath, command, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  let read = '';
  child.stdout.on('data', (text) => {
    read += text;
    if (read.includes('into ')) child.stdout.destroy();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, read }).toEqual({ code: 0, read: expect.not.stringContaining('epoch 2 done') });
  expect((await openRun('unread', join(directory, 'runs'))).config).toMatchObject({ status: 'calibrated', epochs: 2 });
}, 240_000);

import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomFrom } from '../../shared/random.ts';
import { calibrateRun } from '../../trainer/calibrate-run.ts';
import { fitnessOfRun, readMeasured } from '../../trainer/measured.ts';
import { finishTraining, resumeTraining } from '../../trainer/resume.ts';
import { loadTrained, openRun, type Run } from '../../trainer/run.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';
import { openDatasetOf } from '../../trainer/run-images.ts';
import { type TrainOptions, train } from '../../trainer/train.ts';

const CLASSES = ['dark', 'grey', 'light'];
const EACH = 150;
let [root, cwd] = ['', ''];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  const random = randomFrom(3, 'photos');
  for (const [y, name] of CLASSES.entries()) {
    await mkdir(join(root, 'photos', name), { recursive: true });
    const drawn = Array.from({ length: EACH }, () => Buffer.from(Array.from({ length: 256 }, () => random.integer(0, 60) + 90 * y)));
    const raw = { width: 16, height: 16, channels: 1 } as const;
    await Promise.all(
      drawn.map((pixels, i) =>
        sharp(pixels, { raw })
          .png()
          .toFile(join(root, 'photos', name, `${i}.png`)),
      ),
    );
  }
  cwd = process.cwd();
  process.chdir(root);
}, 240_000);
afterAll(async () => {
  process.chdir(cwd);
  await rm(root, { recursive: true });
});

const options = (name: string, folder = 'photos'): TrainOptions => ({
  ...{ name, preset: 'quick', choices: { epochs: 2 }, seed: 4, threads: 1, report: false, leftOut: true },
  source: { dataset: 'images', dataDir: join(root, folder), imageSize: 16, channels: 1 },
  calibration: { ...defaultCalibration, alpha: 0.2, delta: 0.3 },
});

const leftOutOf = async (run: Run) => (await readMeasured(run))?.unknown?.filter(({ kind }) => kind.startsWith('left out: ')) ?? [];

it('a class is left out at the end of a training; where that is stopped, the run is trained, and does it again or goes without', async () => {
  const stop = new AbortController();
  const stopped = await train({ ...options('stopped'), signal: stop.signal, onLeftOut: () => stop.abort() });
  expect([stopped.test, stopped.run.config.status]).toEqual([null, 'trained']);
  await cp(join('runs', 'stopped'), join('runs', 'without'), { recursive: true });

  const steps: string[] = [];
  const whole = await resumeTraining({ name: 'stopped', report: false, onLeftOut: (_, names) => void steps.push(...names) });
  const [name] = steps as [string];
  expect(CLASSES).toContain(name);
  expect(new Set(steps).size).toBe(1);
  const splits = (await loadTrained(whole.run)).splits;
  const used = splits.train.length / 3;
  const [figure, ...more] = await leftOutOf(whole.run);
  expect(more).toEqual([]);
  expect(figure).toMatchObject({ kind: `left out: ${name}`, about: `class ${name}, left out of a small model`, trainedOn: false });
  expect(Math.abs((figure?.images ?? 0) - (EACH - used))).toBeLessThan(3);
  expect((await fitnessOfRun(whole.run))?.verdict).toBe('not fit');

  const without = await finishTraining({ name: 'without', report: false, leftOut: false });
  expect(without.test).toEqual(whole.test);
  expect(await leftOutOf(without.run)).toEqual([]);
}, 240_000);

it('a calibration measures the classes again, on other images while one still chooses', async () => {
  const run = await openRun('stopped');
  const { model, splits } = await loadTrained(run);
  const dataset = await openDatasetOf(run, {});
  const before = await leftOutOf(run);
  const measured = async (alpha: number, split: 'test' | 'validation') => {
    await calibrateRun(run, model, dataset, splits, { ...run.config.calibration, alpha }, split);
    return leftOutOf(run);
  };
  expect(await measured(0.2, 'test')).toEqual(before);
  const [choosing] = await measured(0.2, 'validation');
  expect(Math.abs((choosing?.images ?? 0) - splits.train.length / 3)).toBeLessThan(3);
  expect((await measured(0.6, 'test'))[0]?.accepted).toBeLessThanOrEqual(before[0]?.accepted as number);
  // 72 images calibrate without the class.
  expect(await measured(0.015, 'validation').catch((error) => error)).toBeInstanceOf(RangeError);
}, 240_000);

it('of two classes none can be left out, and the run says so', async () => {
  for (const name of ['dark', 'light']) await cp(join('photos', name), join('two', name), { recursive: true });
  const notes: string[] = [];
  const { run, test } = await train({ ...options('two', 'two'), onNote: (note) => void notes.push(note) });
  expect(notes).toEqual([expect.stringMatching(/^no class was left out .*: of two classes only one would be left; three are needed$/)]);
  expect(test?.images).toBeGreaterThan(50);
  expect(await leftOutOf(run)).toEqual([]);
}, 240_000);

import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportRun } from '../../export/export-run.ts';
import { randomFrom } from '../../shared/random.ts';
import { finishTraining, resumeTraining } from '../../trainer/resume.ts';
import { openRun, writeConfig } from '../../trainer/run.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';
import { train } from '../../trainer/train.ts';
import { runInProcess } from '../cli/run-in-process.ts';

let root: string;
let photos: string;
let cwd: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  photos = join(root, 'photos');
  const random = randomFrom(3, 'photos');
  for (const [y, name] of ['dark', 'light'].entries()) {
    await mkdir(join(photos, name), { recursive: true });
    for (let i = 0; i < 160; i++) {
      const pixels = Buffer.from(Array.from({ length: 256 }, () => random.integer(0, 90) + 160 * y));
      await sharp(pixels, { raw: { width: 16, height: 16, channels: 1 } })
        .png()
        .toFile(join(photos, name, `${i}.png`));
    }
  }
  // The cache of images lies beside the runs.
  cwd = process.cwd();
  process.chdir(root);
});
afterAll(async () => {
  process.chdir(cwd);
  await rm(root, { recursive: true });
});

it('a run that was stopped goes on as it was begun, to its report, even if killed while a checkpoint was put in place', async () => {
  const options = {
    ...{ preset: 'quick' as const, choices: { epochs: 2 }, seed: 4, threads: 2 },
    source: { dataset: 'images' as const, dataDir: photos, imageSize: 16, channels: 1 as const },
    calibration: { ...defaultCalibration, alpha: 0.2, delta: 0.3, covariance: 'diagonal' } as const,
  };
  const whole = await train({ ...options, name: 'whole' });
  expect(whole.test?.images).toBeGreaterThan(30);

  const stop = new AbortController();
  const stopped = await train({
    ...options,
    name: 'stopped',
    signal: stop.signal,
    onStep: ({ step }) => void (step === 1 && stop.abort()),
  });
  expect([stopped.test, stopped.run.config.status, stopped.run.config.epochs]).toEqual([null, 'interrupted', 0]);
  // As a kill between the two renames leaves it.
  const checkpoint = join('runs', 'stopped', 'checkpoint');
  await rename(checkpoint, join('runs', 'stopped', '.checkpoint.old.tmp'));
  const steps: number[] = [];
  const resumed = await resumeTraining({ name: 'stopped', onStep: ({ step }) => void steps.push(step) });
  expect(steps[0]).toBe(2);
  expect(resumed.test).toEqual(whole.test);
  const read = (name: string, file: string) => readFile(join('runs', name, file));
  for (const file of ['calibration.json', 'splits.json', 'model/encoder/weights.bin', 'model/decoder/weights.bin'])
    expect(await read('stopped', file)).toEqual(await read('whole', file));
  const metrics = async (name: string) =>
    (await read(name, 'metrics.jsonl'))
      .toString()
      .trim()
      .split('\n')
      .map((line) => ({ ...JSON.parse(line), seconds: 0 }));
  expect(await metrics('stopped')).toEqual(await metrics('whole'));
  expect((await read('stopped', 'report.html')).toString()).toContain('Results on the test images');

  // As a kill before calibration leaves it, then one before the outcomes are kept.
  const calibrated = await openRun('stopped');
  for (const status of ['trained', 'calibrated'] as const) {
    await writeConfig({ ...calibrated, config: { ...calibrated.config, status } });
    await rm(`runs/stopped/${status === 'trained' ? 'calibration' : 'outcomes'}.json`);
    await rm('runs/stopped/report.html');
    const finished = await resumeTraining({ name: 'stopped' });
    expect([finished.test, finished.run.config.status]).toEqual([whole.test, 'calibrated']);
    for (const file of ['calibration.json', 'outcomes.json']) expect(await read('stopped', file)).toEqual(await read('whole', file));
    expect((await read('stopped', 'report.html')).toString()).toContain('Results on the test images');
  }

  // What is not said stays as the run was begun: only alpha is another.
  expect(await runInProcess('calibrate', ['--run', 'stopped', '--alpha', '0.25'])).toMatchObject({ code: 0 });
  expect((await openRun('stopped')).config.calibration).toEqual({ ...options.calibration, alpha: 0.25 });

  await expect(resumeTraining({ name: 'stopped' })).rejects.toThrow(
    /is calibrated already, after 2 epochs. pnpm calibrate sets its thresholds again/,
  );
  await expect(resumeTraining({ name: 'none' })).rejects.toThrow(/is not a run. There are/);
});

it('Ctrl-C while images are decoded makes no run, and after the last epoch leaves one that is finished by --resume', async () => {
  const options = {
    ...{ preset: 'quick' as const, choices: { epochs: 1 }, seed: 4, threads: 1 },
    source: { dataset: 'images' as const, dataDir: photos, imageSize: 8, channels: 1 as const },
    calibration: { ...defaultCalibration, method: 'three-sigma', alpha: 0.2, delta: 0.3 } as const,
  };
  const cached = await readdir('runs/.cache');
  const early = new AbortController();
  const watch = setInterval(() => void (readdirSync('runs/.cache').some((file) => file.endsWith('.tmp')) && early.abort()), 1);
  await expect(train({ ...options, name: 'early', signal: early.signal }).finally(() => clearInterval(watch))).rejects.toThrow(/aborted/);
  expect([existsSync('runs/early'), await readdir('runs/.cache')]).toEqual([false, cached]);

  const late = new AbortController();
  const onEpoch = () => void setTimeout(() => late.abort());
  await expect(train({ ...options, name: 'late', signal: late.signal, onEpoch })).rejects.toThrow(/aborted/);
  expect((await openRun('late')).config.status).toBe('trained');
  expect((await resumeTraining({ name: 'late' })).run.config.status).toBe('calibrated');
});

const CALIBRATION = { ...defaultCalibration, alpha: 0.2, delta: 0.3 };
const weightsOf = (name: string) => readFile(join('runs', name, 'last/encoder/weights.bin'));

/** Stops a training at a step. */
const stopAt = (wanted: number) => {
  const stop = new AbortController();
  return { signal: stop.signal, onStep: ({ step }: { step: number }) => void (step === wanted && stop.abort()) };
};

it('a run that was stopped is finished with its best epoch, and trained further later, to the same bits', async () => {
  const options = {
    ...{ preset: 'quick' as const, choices: { epochs: 3 }, seed: 5, threads: 1, calibration: CALIBRATION },
    source: { dataset: 'images' as const, dataDir: photos, imageSize: 8, channels: 1 as const },
  };
  const early = new AbortController();
  await train({ ...options, name: 'none', ...stopAt(1) });
  await expect(finishTraining({ name: 'none' })).rejects.toThrow(/has no whole epoch yet. Train it further with pnpm train --resume none/);
  const whole = await train({ ...options, name: 'planned' });
  await train({ ...options, name: 'half', signal: early.signal, onEpoch: () => early.abort() });
  const finished = await finishTraining({ name: 'half' });
  expect(finished.run.config).toMatchObject({ status: 'calibrated', epochs: 1, bestEpoch: 1 });
  expect(finished.test?.images).toBe(whole.test?.images);
  expect((await readFile('runs/half/report.html')).toString()).toContain('Results on the test images');
  await expect(finishTraining({ name: 'half' })).rejects.toThrow(/calibrated already, after 1 epochs.*--resume half --epochs N/);
  await expect(resumeTraining({ name: 'half', epochs: 1 })).rejects.toThrow(/has 1 epochs already; --epochs 1 must be more/);
  // The number of epochs that was planned is no other plan.
  const resumed = await resumeTraining({ name: 'half', epochs: 3 });
  expect([resumed.test, resumed.run.config.earlierPlans]).toEqual([whole.test, undefined]);
  for (const file of ['calibration.json', 'last/encoder/weights.bin', 'model/decoder/weights.bin'])
    expect(await readFile(join('runs/half', file))).toEqual(await readFile(join('runs/planned', file)));
});

it('a finished run goes on beyond its plan, to the same bits each time; its old thresholds go first', async () => {
  for (const copy of ['twice', 'cut']) await cp('runs/planned', join('runs', copy), { recursive: true });
  const further = await resumeTraining({ name: 'planned', epochs: 5 });
  expect(further.run.config).toMatchObject({ status: 'calibrated', epochs: 5, earlierPlans: [{ epochs: 3, until: 3 }] });
  expect(further.run.config.training.epochs).toBe(5);
  const steps: { step: number; epoch: number }[] = [];
  await resumeTraining({ name: 'twice', epochs: 5, onStep: ({ step, epoch }) => void steps.push({ step, epoch }) });
  expect(steps.at(-1)).toMatchObject({ epoch: 5 });
  expect(await weightsOf('twice')).toEqual(await weightsOf('planned'));
  const stopped = await resumeTraining({ name: 'cut', epochs: 5, ...stopAt((steps[0]?.step as number) + 1) });
  expect([stopped.test, stopped.run.config.status, existsSync('runs/cut/calibration.json')]).toEqual([null, 'interrupted', false]);
  expect((await resumeTraining({ name: 'cut' })).test).toEqual(further.test);
  expect(await weightsOf('cut')).toEqual(await weightsOf('planned'));
  // From the beginning the rates are others, so the bundle's provenance keeps the plans.
  const { screening } = await exportRun(await openRun('cut'), 'cut', {}, { models: 'models' });
  expect(screening.provenance.training).toMatchObject({ epochs: 5, earlierPlans: [{ epochs: 3, until: 3 }] });

  await rm('runs/cut/checkpoint', { recursive: true });
  await expect(resumeTraining({ name: 'cut', epochs: 6 })).rejects.toThrow(/has no checkpoint, as it was finished by an older version/);
  expect((await openRun('cut')).config.status).toBe('calibrated');
});

it('a run that fails before its first step leaves its name free', async () => {
  const begun = train({
    ...{ name: 'failed', preset: 'quick', choices: { epochs: 1 }, seed: 4 },
    source: { dataset: 'images', dataDir: photos, imageSize: 16, channels: 1 },
    calibration: { ...defaultCalibration, method: 'three-sigma', alpha: 0.2, delta: 0.3 },
    onStart: () => {
      expect(existsSync('runs/failed/config.json')).toBe(true);
      throw new Error('no thread');
    },
  });
  await expect(begun).rejects.toThrow('no thread');
  expect(existsSync('runs/failed')).toBe(false);
});

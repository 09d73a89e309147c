import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { checkGuarantee } from '../../trainer/calibrate.ts';
import { calibrateRun } from '../../trainer/calibrate-run.ts';
import type { Dataset } from '../../trainer/data/dataset.ts';
import { type Splits, splitsOf } from '../../trainer/data/splits.ts';
import { buildModel, type Model } from '../../trainer/model/build-model.ts';
import { saveModel } from '../../trainer/model/save-model.ts';
import { writeReport } from '../../trainer/report/page.ts';
import {
  createRun,
  latestTrainedRun,
  listRuns,
  loadRun,
  loadTrained,
  openRun,
  type Run,
  saveEpoch,
  writeConfig,
} from '../../trainer/run.ts';
import type { RunConfig } from '../../trainer/run-config.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';
import { input } from '../export/tiny-model.ts';
import { tinyDataset, tinyTraining } from './tiny-dataset.ts';

let root: string;
let dataset: Dataset;
let splits: Splits;
let model: Model;
let run: Run;
beforeAll(async () => {
  await useWasm();
  root = await mkdtemp(join(tmpdir(), 'portcullis-'));
  dataset = tinyDataset(3600, 300);
  splits = splitsOf(dataset, 1);
  model = buildModel(tinyTraining.architecture, input, 3);
  const config: RunConfig = {
    ...{
      name: 'tiny',
      portcullis: '0',
      dataset: 'images',
      dataDir: null,
      imageSize: 8,
      channels: 1,
      classes: dataset.classes,
      input,
      checksums: {},
      preset: 'quick',
    },
    training: tinyTraining,
    ...{
      seed: 1,
      backend: 'none',
      calibration: defaultCalibration,
      threads: 1,
      started: '2026-01-01T00:00:00.000Z',
      epochs: 0,
      bestEpoch: 0,
      status: 'training',
    },
  };
  run = await createRun(config, splits, root);
  await saveEpoch(run, model, 1, true);
});
afterAll(() => rm(root, { recursive: true }));

describe('a run', () => {
  it('says what is missing at each stage, and what to do', async () => {
    await expect(loadRun(run)).rejects.toThrow('run tiny is training (1 epochs). Train it to its end');
    await expect(latestTrainedRun(root)).rejects.toThrow(/trained to its end, only tiny \(training\)/);
    run.config.status = 'trained';
    await writeConfig(run);
    expect((await latestTrainedRun(root)).config.name).toBe('tiny');
    await expect(loadRun(await openRun('tiny', root))).rejects.toThrow('Set them with pnpm calibrate --run tiny');
    await expect(openRun('other', root)).rejects.toThrow(/is not a run. There are: tiny/);
  });

  it('is calibrated and calibrated anew, on the same weights', async () => {
    const first = await calibrateRun(run, model, dataset, splits, { ...defaultCalibration, alpha: 0.1 }, 'test');
    const { calibrated } = await loadRun(run);
    expect(first.images).toBe(300);
    expect(first.acceptedRight + first.acceptedWrong + first.rejected).toBe(300);
    const second = await calibrateRun(run, model, dataset, splits, { ...defaultCalibration, alpha: 0.3 }, 'validation');
    expect(second.images).toBe(splits.validation.length);
    const again = (await loadRun(await openRun('tiny', root))).calibrated;
    expect(again.calibration.alpha).toBe(0.3);
    expect(again.covariances).toEqual(calibrated.covariances);
    for (const [y, threshold] of again.thresholds.maxLatentDistance.entries())
      expect(threshold).toBeLessThan(calibrated.thresholds.maxLatentDistance[y] as number);
  });

  it('is told in one page without anything from elsewhere; new thresholds take an old page away', async () => {
    await writeFile(
      join(run.directory, 'metrics.jsonl'),
      '{"epoch":1,"reconstruction":20,"latent":1,"total":21,"validationLoss":22,"validationAccuracy":0.4,"seconds":1}\n',
    );
    const path = await writeReport(run, dataset);
    const page = await readFile(path, 'utf8');
    for (const title of [
      'Is it fit to deploy? Not fit',
      'Results on the test images',
      'Does the false-rejection rate hold?',
      'Latent space',
      'Reconstructions',
    ])
      expect(page).toContain(title);
    expect(page.match(/<svg/g)).toHaveLength(8);
    expect(page.match(/<img/g)).toHaveLength(4);
    expect(page.replaceAll('http://www.w3.org/', '')).not.toMatch(/https?:|<script|src="(?!data:)|NaN|undefined/);
    await calibrateRun(run, model, dataset, splits, { ...defaultCalibration, alpha: 0.3 }, 'validation');
    expect(await readdir(run.directory)).not.toContain('report.html');
  });

  it('has the name of its folder, where that was renamed or copied', async () => {
    await cp(run.directory, join(root, 'copied'), { recursive: true });
    expect((await openRun('copied', root)).config.name).toBe('copied');
    expect((await listRuns(root)).map(({ config }) => config.name).sort()).toEqual(['copied', 'tiny']);
    await rm(join(root, 'copied'), { recursive: true });
    await expect(openRun('../elsewhere', root)).rejects.toThrow(/is not a valid name. Allowed are/);
  });

  it('of another version is told from one that is damaged', async () => {
    const directory = join(root, 'older');
    await mkdir(directory);
    const { preset: _, ...config } = run.config;
    const text = JSON.stringify({ ...config, portcullis: '0.0.1' });
    await writeFile(join(directory, 'config.json'), text);
    await expect(openRun('older', root)).rejects.toThrow(/made by another version of Portcullis \(0.0.1\).*at preset.*Use that version/s);
    await writeFile(join(directory, 'config.json'), text.slice(0, -9));
    await expect(openRun('older', root)).rejects.toThrow(/config.json is damaged: it is not complete JSON. Train again/);
    await rm(directory, { recursive: true });
  });

  it('that nothing could read again is not made', async () => {
    const config = { ...run.config, name: 'unreadable', imageSize: 2048 };
    await expect(createRun(config, splits, root)).rejects.toThrow(/could not be read again: .*<=1024.*imageSize/s);
    expect(await readdir(root)).toEqual(['tiny']);
  });

  it('of which a model file is cut off is named', async () => {
    await cp(run.directory, join(root, 'cut'), { recursive: true });
    const cut = { ...run, directory: join(root, 'cut') };
    await truncate(join(cut.directory, 'model/decoder/weights.bin'), 10);
    await expect(loadTrained(cut)).rejects.toThrow(/model\/decoder does not hold a trained model/);
    await rm(cut.directory, { recursive: true });
  });

  it('keeps its model where a new one can not be written', async () => {
    const directory = join(run.directory, 'model');
    const before = await readFile(join(directory, 'encoder/weights.bin'));
    const failing = { encoder: model.encoder, decoder: { save: () => Promise.reject(new Error('disk full')) } } as unknown as Model;
    await expect(saveModel(directory, failing)).rejects.toThrow('disk full');
    expect(await readFile(join(directory, 'encoder/weights.bin'))).toEqual(before);
    expect((await readdir(run.directory)).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });
});

it('a promise that can not be kept is refused before the training', () => {
  const check = (change: object) => () => checkGuarantee(dataset, splits, { ...defaultCalibration, ...change });
  expect(check({})).not.toThrow();
  expect(check({ alpha: 1e-4 })).toThrow(/500 calibration images are too few .* 29956 are needed \(about \d+ images in all\)/);
  expect(check({ guarantee: 'per-class' })).toThrow(/images of class a are too few .* 199 are needed/);
  expect(check({ alpha: 1e-4, method: 'three-sigma' })).not.toThrow();
});

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Attack, type AttackedModel, gradientModel } from '../../attacks/attack.ts';
import { suites } from '../../attacks/list.ts';
import { minimumNormFromOutside } from '../../attacks/minimum-norm.ts';
import { distances } from '../../attacks/steps/projection.ts';
import { selectImages } from '../../attacks/tensors.ts';
import { graphOracle, startingPoints } from '../../evaluate/measure/attacker.ts';
import { calibrateBundle } from '../../export/calibrate-bundle.ts';
import { writeBundle } from '../../export/write-bundle.ts';
import { openScreener, type Screener } from '../../node/bundle/graphs.ts';
import { latentCaps } from '../../shared/bundle/guarantee.ts';
import type { Thresholds } from '../../shared/bundle/screening-schema.ts';
import { useWasm } from '../../trainer/backend/wasm/wasm.ts';
import { calibrate } from '../../trainer/calibrate.ts';
import { imagesAt } from '../../trainer/data/dataset.ts';
import { splitsOf } from '../../trainer/data/splits.ts';
import type { Model } from '../../trainer/model/build-model.ts';
import type { Calibrated } from '../../trainer/run.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';
import { tinyParts } from '../export/tiny-model.ts';
import { bars, trainStrict } from './strict-model.ts';

const guarantee = { norm: 'linf' as const, radius: 0.12 };
const SIZE = 64;
const COUNT = 6;
/** A few seconds of work, on a machine that may be busy. */
const LONG = 1_800_000;
const dataset = bars(2400, 60);
let root: string;
let model: Model;
let calibrated: Calibrated;

beforeAll(async () => {
  await useWasm();
  root = await mkdtemp(join(tmpdir(), 'guarantee-'));
  model = trainStrict(dataset, guarantee, 300);
  calibrated = await calibrate(model, dataset, splitsOf(dataset, 1), { ...defaultCalibration, alpha: 0.05, scores: [], strict: guarantee });
}, LONG);
afterAll(() => rm(root, { recursive: true }));

/** Exports the model with the latent tests of strict mode alone, as wide as the guarantee allows. */
async function deployed(name: string, thresholds: Thresholds, promised?: typeof guarantee) {
  const directory = join(root, name);
  const { quantiles } = tinyParts().calibration;
  const parts = {
    ...tinyParts(),
    ...model,
    ...calibrated,
    guarantee: promised,
    thresholds,
    parityImages: [imagesAt(dataset.test, [0, 1])],
  };
  await writeBundle(directory, { ...parts, calibration: { ...calibrated.calibration, quantiles } });
  const screener = await openScreener(directory, { intraOpNumThreads: 1 });
  const attacked: AttackedModel = {
    ...gradientModel(model, screener.screening),
    startingPoints: startingPoints(dataset.train, screener, 1),
    oracle: (feedback) => graphOracle(screener, feedback),
  };
  return { screener, attacked };
}

/** The widest latent tests that keep the guarantee with a threshold of the rival margin; below half way there is no limit. */
function widest(maxRivalMargin: number) {
  const maxLatentDistance = latentCaps(maxRivalMargin, calibrated.covariances).map((cap) => Math.min(cap, 1e6));
  const all = (value: number) => dataset.classes.map(() => value);
  return { maxLatentDistance, maxReconstructionError: all(1e6), maxRivalMargin: all(maxRivalMargin) };
}

/** Just below half way, where the latent tests accept everything, and beyond. */
const [NEAR, BEYOND] = [0.4998, 0.6];

/** Chooses accepted images: test images, fainter until they are just accepted, so that another class is near. */
async function faintest(screener: Screener): Promise<{ images: Float32Array; labels: number[] }> {
  const tests = imagesAt(dataset.test, [...Array(COUNT).keys()]);
  const factors = [1, 0.8, 0.65, 0.5, 0.4, 0.32, 0.26];
  const chosen: { image: Float32Array; label: number }[] = [];
  for (let i = 0; i < COUNT; i++) {
    const fainter = factors.map((factor) => tests.subarray(i * SIZE, (i + 1) * SIZE).map((value) => factor * value));
    const screened = await screener.screen(Float32Array.from(fainter.flatMap((image) => [...image])));
    const last = screened.findLastIndex(({ decision }) => decision.accepted);
    if (last >= 0) chosen.push({ image: fainter[last] as Float32Array, label: screened[last]?.scores.label as number });
  }
  return { images: Float32Array.from(chosen.flatMap(({ image }) => [...image])), labels: chosen.map(({ label }) => label) };
}

interface Pairs {
  /** Distance of each image to the nearest found one that is accepted as another class; infinite where none was found. */
  radii: number[];
  /** That image, and its class. */
  images: Float32Array;
  labels: number[];
}

/** Attacks accepted images from where they are; verdicts come from the exported graph. */
async function nearestOthers(
  attacks: readonly Attack[],
  { screener, attacked }: Awaited<ReturnType<typeof deployed>>,
  { images, labels }: Pick<Pairs, 'images' | 'labels'>,
): Promise<Pairs> {
  const nearest: Pairs = { radii: labels.map(() => Infinity), images: images.slice(), labels: [...labels] };
  const seeds = labels.map((_, i) => 100 + i);
  for (const attack of attacks) {
    const found = await attack.run(attacked, images, labels, guarantee.radius, seeds);
    if (found.of.length === 0) continue;
    const apart = distances(found.images, selectImages(images, found.of, SIZE), dataset.input, 'linf');
    for (const [row, { scores, decision }] of (await screener.screen(found.images)).entries()) {
      const i = found.of[row] as number;
      if (!decision.accepted || scores.label === labels[i] || !((apart[row] as number) < (nearest.radii[i] as number))) continue;
      nearest.radii[i] = apart[row] as number;
      nearest.labels[i] = scores.label;
      nearest.images.set(found.images.subarray(row * SIZE, (row + 1) * SIZE), i * SIZE);
    }
  }
  return nearest;
}

describe('strict mode', () => {
  const byNorm = (attacks: readonly Attack[]) => attacks.filter(({ norm }) => norm === 'linf');

  it.each([NEAR, BEYOND])(
    'accepts no two images within the radius as different classes, at %d: every attack with gradients, from both sides',
    async (maxRivalMargin) => {
      const strict = await deployed(`strict-${maxRivalMargin}`, widest(maxRivalMargin), guarantee);
      const start = await faintest(strict.screener);
      expect(start.labels.length).toBeGreaterThanOrEqual(COUNT / 2);
      const there = await nearestOthers(byNorm([...suites.encoder, ...suites.adaptive]), strict, start);
      const reached = there.radii.flatMap((radius, i) => (radius < Infinity ? [i] : []));
      // The attacks work: they find images of other classes, beyond the radius.
      expect(reached.length).toBeGreaterThan(0);
      const others = { images: selectImages(there.images, reached, SIZE), labels: reached.map((i) => there.labels[i] as number) };
      const back = await nearestOthers([minimumNormFromOutside({ norm: 'linf' })], strict, others);
      await strict.screener.close();
      for (const radius of [...there.radii, ...back.radii]) expect(radius).toBeGreaterThan(guarantee.radius);
    },
    LONG,
  );

  it(
    'does so by the rival margin: without it the same thresholds accept such pairs',
    async () => {
      const { maxRivalMargin: _, ...thresholds } = widest(NEAR);
      const plain = await deployed('plain', thresholds);
      const attacks = [minimumNormFromOutside({ norm: 'linf' })];
      const there = await nearestOthers(attacks, plain, await faintest(plain.screener));
      await plain.screener.close();
      expect(Math.min(...there.radii)).toBeLessThan(guarantee.radius);
    },
    LONG,
  );

  it(
    'stays when the bundle is calibrated on images of the operator',
    async () => {
      const { screener } = await deployed('bundle', widest(BEYOND), guarantee);
      await screener.close();
      const folder = join(root, 'images');
      await mkdir(folder);
      const { train } = bars(400, 3);
      for (let i = 0; i < train.count; i++)
        await sharp(Buffer.from(train.image(i)), { raw: { width: 8, height: 8, channels: 1 } })
          .toColourspace('b-w')
          .png()
          .toFile(join(folder, `${i}.png`));
      const { scores: _, ...defaults } = defaultCalibration;
      const options = { ...defaults, alpha: 0.1 };
      const own = await calibrateBundle(join(root, 'bundle'), folder, join(root, 'own'), options, join(root, 'cache'));
      expect(own.screening.guarantee).toEqual(guarantee);
      expect(own.screening.calibration.rejected).toBeLessThanOrEqual(0.1 * own.screening.calibration.n);
      // The bundle could be opened, so its thresholds keep the guarantee; the limits are those of these images.
      expect(own.screening.thresholds.maxRivalMargin).not.toEqual(widest(BEYOND).maxRivalMargin);
      await expect(
        calibrateBundle(join(root, 'bundle'), folder, join(root, 'sigma'), { ...options, method: 'three-sigma' }, join(root, 'cache')),
      ).rejects.toThrow(/strict mode needs --calibration conformal/);
    },
    LONG,
  );

  it('keeps its promise on false rejections with the rival margin counted', () => {
    const { n, rejected, alpha } = calibrated.calibration;
    expect(rejected).toBeLessThanOrEqual(alpha * n);
    expect(calibrated.guarantee).toEqual(guarantee);
  });
});

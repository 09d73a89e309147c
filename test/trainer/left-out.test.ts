import { expect, it } from 'vitest';
import { type Dataset, inMemory } from '../../trainer/data/dataset.ts';
import { type Splits, splitsOf } from '../../trainer/data/splits.ts';
import { chooseLeftOut, smallTraining, withoutClasses } from '../../trainer/left-out.ts';
import { multiplications } from '../../trainer/model/architecture.ts';
import { architectureFor } from '../../trainer/presets.ts';
import type { Robustness } from '../../trainer/robust/robustness.ts';
import { defaultCalibration } from '../../trainer/run-config.ts';
import { tinyTraining } from './tiny-dataset.ts';

const input = { height: 28, width: 28, channels: 1 as const };

/** Images of one pixel; those of class y have the level `levels[y]`. */
function flat(levels: number[], each: number): { dataset: Dataset; splits: Splits } {
  const labels = Uint8Array.from({ length: levels.length * each }, (_, i) => i % levels.length);
  const images = inMemory(
    Uint8Array.from(labels, (y) => levels[y] as number),
    labels,
  );
  const classes = levels.map((_, y) => `class ${y}`);
  const dataset = {
    name: 'flat',
    classes,
    input: { height: 1, width: 1, channels: 1 as const },
    train: images,
    test: images,
    checksums: {},
  };
  return { dataset, splits: splitsOf(dataset, 1) };
}

const calibration = { ...defaultCalibration, alpha: 0.1 };
const LEVELS = [0, 5, 60, 65, 120, 125, 180, 185, 250];

it('at most a third of the classes and at most five are left out, never with the one that looks most like them', () => {
  const { dataset, splits } = flat(LEVELS, 100);
  const chosen = Array.from({ length: 20 }, (_, seed) => chooseLeftOut(dataset, splits, { seed, calibration }));
  for (const classes of chosen) {
    expect(new Set(classes.map((y) => Math.floor(y / 2))).size).toBe(3);
    expect(classes).toEqual([...classes].sort());
  }
  expect(new Set(chosen.map(String)).size).toBeGreaterThan(5);
  const countOf = (classes: number) => {
    const many = flat(
      Array.from({ length: classes }, (_, y) => 4 * y),
      100,
    );
    return chooseLeftOut(many.dataset, many.splits, { seed: 1, calibration }).length;
  };
  expect([2, 3, 5, 6, 15, 40].map(countOf)).toEqual([0, 1, 1, 2, 5, 5]);
});

it('fewer classes are left out where the others would have too few calibration images, or none', () => {
  // 900 images: 180 calibrate, 120 without three classes. Without any rejection 1 - (1 - alpha)^n >= 95 % needs n = 149 for 2 %.
  const { dataset, splits } = flat(LEVELS, 100);
  const countAt = (alpha: number) => chooseLeftOut(dataset, splits, { seed: 1, calibration: { ...calibration, alpha } }).length;
  expect([0.1, 0.02, 0.0167].map(countAt)).toEqual([3, 1, 0]);
});

it('what is left has its own labels, and no image of the classes that are not there', () => {
  const { dataset, splits } = flat(LEVELS, 20);
  const left = withoutClasses(dataset, splits, [1, 4]);
  expect(left.dataset.classes).toEqual(['class 0', 'class 2', 'class 3', 'class 5', 'class 6', 'class 7', 'class 8']);
  for (const name of ['train', 'validation', 'tune', 'calibration', 'test'] as const) {
    const [all, kept] = name === 'test' ? [dataset.test, left.dataset.test] : [dataset.train, left.dataset.train];
    expect(left.splits[name]).toEqual(splits[name].filter((i) => ![1, 4].includes(all.labels[i] as number)));
    for (const i of left.splits[name])
      expect(left.dataset.classes[kept.labels[i] as number]).toBe(dataset.classes[all.labels[i] as number]);
  }
});

it('the multiplications of an architecture are those of its layers', () => {
  // 14 x 14 x 16 values of 4 x 4, 7 x 7 x 32 of 4 x 4 x 16, then 1568 x 128 and 128 x 10; the decoder backwards.
  expect(multiplications(architectureFor('quick', input, 10), input)).toBe(2 * (50_176 + 401_408 + 200_704 + 1280));
  // Max-pooling and upsampling multiply nothing.
  const pooled = { layer: 'MaxPooling2D' as const, size: 2 as const };
  const grown = { layer: 'UpSampling2D' as const, size: 2 as const };
  const kept = { filters: 2, kernel: 3, stride: 1 as const };
  const shape = { encoder: [kept, pooled], decoder: [kept, grown], dense: 5, latentDim: 3 };
  expect(multiplications(shape, { height: 4, width: 4, channels: 3 })).toBe(2 * (16 * 9 * 3 * 2 + 5 * (4 * 2 + 3)));
});

it('the small model has the recipe of the run, costs at most 15 % of it, and has 300 steps if the run has as many', () => {
  const classes = Array.from({ length: 10 }, (_, y) => String(y));
  const others = (images: number) => ({
    dataset: { input, classes: classes.slice(3) },
    splits: { train: Array.from({ length: images }, (_, i) => i) },
  });
  const run = (preset: 'quick' | 'paper', epochs: number) => ({
    ...{ classes, seed: 1, epochs },
    training: { ...tinyTraining, batchSize: 128, patience: 4, architecture: architectureFor(preset, input, 10) },
  });
  const quick = smallTraining(run('quick', 1000), 1000, others(700));
  expect([quick.training.epochs, quick.train.length]).toEqual([215, 698]);
  expect(quick.training).toEqual({
    ...run('quick', 1000).training,
    ...{ epochs: 215, patience: 0, architecture: architectureFor('quick', input, 7) },
  });
  const short = smallTraining(run('quick', 100), 1000, others(700));
  expect(short.training.epochs * short.train.length).toBeGreaterThanOrEqual(300 * 128);
  expect(smallTraining(run('quick', 1), 1000, others(700))).toMatchObject({ training: { epochs: 2 }, train: { length: 500 } });

  const paper = smallTraining(run('paper', 24), 50_000, others(35_000));
  const costOf = (preset: 'quick' | 'paper') => multiplications(architectureFor(preset, input, 7), input) + 784_000;
  const cost = paper.training.epochs * paper.train.length * costOf('quick');
  expect(cost / (24 * 50_000 * costOf('paper'))).toBeCloseTo(0.15, 3);
  expect(new Set(paper.train).size).toBe(paper.train.length);

  const attacked = { ...run('paper', 16), training: { ...run('paper', 16).training, robust: {} as Robustness } };
  const robust = smallTraining(attacked, 50_000, others(35_000));
  expect(robust.training.architecture).toEqual({ ...architectureFor('paper', input, 10), latentDim: 7 });
  expect((robust.training.epochs * robust.train.length) / (16 * 50_000)).toBeCloseTo(0.15, 3);
});

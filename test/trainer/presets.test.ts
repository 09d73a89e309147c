import { expect, it } from 'vitest';
import { architectures, checkSize, strided } from '../../trainer/model/architecture.ts';
import { aboutBudget, keepsLastEpoch, trainingFor } from '../../trainer/presets.ts';
import { calibrationAfter, defaultCalibration } from '../../trainer/run-config.ts';

const labels = (...counts: number[]) => counts.flatMap((count, y) => new Array<number>(count).fill(y));
const square = (size: number, classes: number) => ({
  input: { height: size, width: size, channels: 3 as const },
  classes: Array.from({ length: classes }, (_, y) => String(y)),
});

it('architectures fit the images: halved to 8 or less, wider latents with less noise', () => {
  const of = (size: number, classes: number) => trainingFor('paper', square(size, classes), labels(...new Array(classes).fill(500)));
  expect(of(28, 10).architecture).toMatchObject({ encoder: architectures['deep-28'].encoder, latentDim: 10, entropy: 'constant' });
  expect(of(64, 3).architecture).toMatchObject({ encoder: strided(16, 32, 64), decoder: strided(16, 32, 64), dense: 128, latentDim: 3 });
  expect(of(128, 100).architecture).toMatchObject({ encoder: strided(16, 32, 64, 64), dense: 200, latentDim: 100 });
  expect(of(128, 100).latentWeight / of(28, 10).latentWeight).toBeCloseTo(128 / 28, 9);
  expect(of(28, 10).encoderNoise).toBeCloseTo(1 / 3000, 12);
  expect(of(128, 100).encoderNoise).toBeCloseTo(1 / 30000, 12);
  expect(() => of(50, 3)).toThrow(/50 x 50 can't be halved 3 times; 48 x 48 can/);
  expect(() => of(1000, 3)).toThrow(/; 1024 x 1024 can/);
  // A run of larger images could not be read.
  expect(() =>
    checkSize({ encoder: strided(1, 1, 1, 1, 1, 1, 1, 1, 1), decoder: strided(1) }, { height: 1000, width: 1023, channels: 1 }),
  ).toThrow(/; 1024 x 1024 can/);
  const tooDeep = { encoder: strided(...new Array<number>(11).fill(1)), decoder: strided(1) };
  expect(() => checkSize(tooDeep, { height: 1000, width: 1000, channels: 1 })).toThrow(
    /an --architecture with fewer strides of 2 is needed/,
  );
});

it('few images are gone through more often', () => {
  // 10 steps an epoch, 3500 in all, where 12 epochs are usual: patience grows likewise, from 8 epochs.
  expect(trainingFor('paper', square(64, 2), labels(640, 640))).toMatchObject({ epochs: 350, patience: 234 });
  expect(trainingFor('paper', square(64, 2), labels(640, 640), { patience: 5 }).patience).toBe(5);
  expect(trainingFor('paper', square(28, 2), labels(30_000, 30_000))).toMatchObject({ epochs: 12, patience: 8 });
  expect(trainingFor('paper', square(64, 2), labels(640, 640), { epochs: 3 }).epochs).toBe(3);
  const quick = (size: number, each: number) => trainingFor('quick', square(size, 2), labels(each, each)).epochs;
  // 780 steps of images with as many values as MNIST's; in colour a third, of large images 200.
  expect([quick(28, 30_000), quick(28, 640), quick(64, 640)]).toEqual([2, 26, 20]);
});

const bar = Uint8Array.from({ length: 784 }, (_, i) => (i > 112 && i < 672 && (i % 28 === 13 || i % 28 === 14) ? 255 : 0));
const bars = {
  input: { height: 28, width: 28, channels: 1 as const },
  classes: ['a', 'b'],
  train: { count: 100, labels: new Uint8Array(100), image: () => bar },
};

it('few images of strokes are kept apart from near kinds by quick too; many are not seen often enough for that', () => {
  const of = (each: number) => trainingFor('quick', bars, labels(each, each));
  expect(of(640)).toMatchObject({ epochs: 78, outliers: 0.5, outlierLoss: { kind: 'margin' }, latentWeight: 1600, learningRate: 2e-3 });
  expect(of(30_000)).toMatchObject({ epochs: 2, outliers: 1 / 8, outlierLoss: { kind: 'origin' }, latentWeight: 800, learningRate: 6e-3 });
});

it('what is chosen takes the place of what the preset says, and must fit the data', () => {
  const of = (choices: object, counts = [300, 300]) => trainingFor('quick', square(64, 2), labels(...counts), choices);
  expect(of({ latentDim: 5, latentWeight: 7, entropy: 'variable' })).toMatchObject({
    latentWeight: 7,
    architecture: { latentDim: 5, entropy: 'variable' },
  });
  expect(of({ architecture: { encoder: strided(2), decoder: strided(3), dense: 1 } }).architecture).toMatchObject({ dense: 1 });
  expect(of({ batchSize: 600 }).batchSize).toBe(600);
  expect(() => of({ batchSize: 601 })).toThrow(
    '--batch-size: 601 images are too many; at most 600 are allowed (there are 600 training images)',
  );
  expect(() => of({ batchSize: 5000 }, [9000, 9000])).toThrow('at most 4096 are allowed');
  expect(of({ batchSize: 1 }).batchSize).toBe(1);
  expect(() => of({ batchSize: 1, labelsPerClass: 3 })).toThrow(/--batch-size: a semi-supervised batch .* use 2 or more/);
  expect(() => of({ latentDim: 1 })).toThrow('--latent: 1 dimensions are too few for 2 classes; use 2 or more');
  expect(() => of({ labelsPerClass: 301 })).toThrow(/--labels-per-class: 301 are too many: class 0 has only 300 training images/);
  expect(() => of({ architecture: { encoder: strided(2), decoder: strided(1, 1, 1, 1, 1, 1, 1), dense: 1 } })).toThrow(
    /64 x 64 .* 7 times/,
  );
});

it('classes weigh the same where their sizes differ by more than 2', () => {
  const weights = (...counts: number[]) => trainingFor('quick', square(64, counts.length), labels(...counts)).classWeights;
  expect(weights(100, 200)).toBe('none');
  expect(weights(100, 201)).toBe('balanced');
});

it('certified training has a radius for its proofs, and attacks no image', () => {
  const of = (choices: object = {}) => trainingFor('certified', square(32, 2), labels(300, 300), choices).robust;
  expect(of()).toMatchObject({
    steps: 0,
    budget: { linf: 2 / 255, l2: 2 / 255 },
    certified: { radius: 2 / 255, excess: 1.3, weight: 1, margin: 0.2 },
  });
  expect(of({ certifiedRadius: 4 / 255 })?.certified?.radius).toBe(4 / 255);
  expect(aboutBudget(of() as NonNullable<ReturnType<typeof of>>)).toBe('for proofs within linf 2/255 (--certified-radius)');
  expect(trainingFor('robust', square(32, 2), labels(300, 300)).robust?.certified).toBe(null);
  expect(() => trainingFor('robust', square(32, 2), labels(300, 300), { certifiedRadius: 0.1 })).toThrow(
    /--certified-radius: .*--preset certified/,
  );
  expect(() => of({ linf: 0.1 })).toThrow(/--linf and --l2: the preset certified trains against no attack/);
});

it('robust training has the budgets that the look of the images bears, or those that were asked for', () => {
  const of = (choices: object = {}) => trainingFor('robust', square(32, 2), labels(300, 300), choices);
  const about = (training: ReturnType<typeof of>) => aboutBudget(training.robust as NonNullable<typeof training.robust>);
  expect(of()).toMatchObject({ robust: { budget: { linf: 2 / 255, l2: 0.25 } }, outlierLoss: { kind: 'margin' }, patience: 0 });
  expect(about(of())).toBe(
    'against changes within linf 2/255 or l2 0.25 (for photographs; objects before a plain background bear twice that: --linf 4/255; --linf, --l2)',
  );
  expect(of({ linf: 4 / 255 }).robust?.budget).toEqual({ linf: 4 / 255, l2: expect.closeTo(0.5, 9) });
  expect(about(of({ linf: 0.3, l2: 2 }))).toBe('against changes within linf 0.3 or l2 2 (as asked; --linf, --l2)');
  expect(trainingFor('paper', square(32, 2), labels(300, 300)).robust).toBe(null);
  expect(() => trainingFor('paper', square(32, 2), labels(300, 300), { linf: 0.1 })).toThrow(/--linf and --l2: .* use --preset robust/);
  expect(() => of({ entropy: 'variable' })).toThrow(/--entropy variable: robust training/);
  expect(() => of({ labelsPerClass: 5 })).toThrow(/--labels-per-class: robust training needs the label of every image/);
  expect(() => of({ outlierLoss: 'origin' })).toThrow(/--outlier-loss origin: robust training/);
});

it('a training with a margin keeps its last epoch, unless it is asked to be patient', () => {
  const of = (preset: 'paper' | 'robust', choices: object = {}) => trainingFor(preset, bars, labels(300, 300), choices);
  expect([of('paper'), of('robust')].map((training) => [training.patience, keepsLastEpoch(training)])).toEqual([
    [0, true],
    [0, true],
  ]);
  expect(keepsLastEpoch(of('paper', { patience: 8 }))).toBe(false);
  expect(of('paper', { outlierLoss: 'origin' }).patience).toBeGreaterThan(0);
  expect(of('paper', { outliers: 0 }).patience).toBeGreaterThan(0);
});

it('where the pull to the means is weak or images are attacked, all classes have one latent threshold', () => {
  const { covariance: _, ...conformal } = defaultCalibration;
  const kindAfter = (preset: 'paper' | 'robust' | 'certified', choices: object = {}, calibration: object = {}, each = 30_000) =>
    calibrationAfter({ ...conformal, ...calibration }, trainingFor(preset, bars, labels(each, each), choices)).covariance;
  expect([kindAfter('paper'), kindAfter('robust'), kindAfter('certified', { outliers: 0 })]).toEqual(['shared', 'shared', 'shared']);
  expect(kindAfter('paper', { outlierLoss: 'origin' })).toBe('spherical');
  expect(kindAfter('paper', { outliers: 0 })).toBe('spherical');
  // Few images are pulled to their means more strongly.
  expect(kindAfter('paper', {}, {}, 300)).toBe('spherical');
  // The paper's thresholds are of each class.
  expect(kindAfter('paper', {}, { method: 'three-sigma' })).toBe('spherical');
  expect(kindAfter('paper', {}, { covariance: 'diagonal' })).toBe('diagonal');
});

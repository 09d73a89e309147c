import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceNames } from '../../../node/bundle/models-folder.ts';
import { NONSENSE } from '../../../shared/bundle/evidence-names.ts';
import { barring, fitness, fitnessOf, withForced } from '../../../shared/bundle/fitness.ts';
import { type Figures, figuresOf, type Judged } from '../../../shared/bundle/fitness-figures.ts';
import { parseScreening } from '../../../shared/bundle/open-bundle.ts';
import { nonsense } from '../../../trainer/data/unknown/nonsense.ts';

const counts = (images: number, acceptedWrong = 0, rejected = 0) => ({
  ...{ images, acceptedWrong, rejected, acceptedRight: images - acceptedWrong - rejected },
});

/** A model of which everything was measured, and nothing speaks against it. */
const good: Figures = {
  trial: false,
  calibration: { method: 'conformal', alpha: 0.015 },
  clean: counts(10_000, 20, 140),
  perClass: ['cat', 'dog'].map((name) => ({ name, ...counts(5000, 10, 70), all: 25_000 })),
  unknown: [
    { name: 'scribbles', images: 1000, accepted: 50 },
    { name: 'letters', images: 1000, accepted: 100 },
  ],
  leftOut: [{ name: 'class cat, left out of a small model', images: 100, accepted: 12 }],
  nonsense: [{ name: 'uniform noise', images: 1000, accepted: 0 }],
  attacks: [{ name: 'adaptive, linf 0.1', images: 100, accepted: 0 }],
  conditions: [{ name: 'blur, severity 1', images: 100, rejected: 50 }],
  reconstruction: { own: 20, classMean: 40 },
};

it('is fit where everything was measured and is within its bounds', () => {
  expect(fitness(good)).toEqual({ verdict: 'fit to deploy', reasons: [] });
});

describe('a reason and what to do about it', () => {
  it.each<[string, Partial<Figures>, string, string, RegExp]>([
    [
      '98 % wrong',
      { clean: counts(1000, 980, 5) },
      'against',
      'error',
      /^98 % of the test images are accepted with a wrong class; at most 10 %/,
    ],
    [
      'few test images',
      { clean: counts(20, 1, 0) },
      'unmeasured',
      'error',
      /^5 % \(1 of 20; 95 %: 0.13 % to 25 %\) .* too few images to tell/,
    ],
    ['no test images', { clean: null, perClass: null }, 'unmeasured', 'error', /^No test images were screened/],
    [
      'labels often wrong',
      { clean: counts(10_000, 904, 126) },
      'limit',
      'error',
      /^9.04 % .* Use it to keep images out; take the class from your own/,
    ],
    [
      'a broken promise',
      { clean: counts(1000, 0, 40) },
      'against',
      'false rejection',
      /^4 % of the test images are rejected; 1.5 % was promised/,
    ],
    ['no promise', { calibration: { method: 'three-sigma', alpha: 0.003 } }, 'limit', 'false rejection', /promise no false-rejection rate/],
    [
      'an unknown kind that gets in',
      { unknown: [...good.unknown, { name: 'photos', images: 200, accepted: 78 }] },
      'against',
      'unknown images',
      /photos 39 % \(78 of 200; .*at most 20 % may be/,
    ],
    [
      'no unknown images',
      { unknown: [] },
      'unmeasured',
      'unknown images',
      /^The share of unknown images that is accepted was not measured. .*--unknown-dir/,
    ],
    [
      'only kinds it was trained on',
      { unknown: [{ name: 'strokes', images: 500, accepted: 1, trainedOn: true }] },
      'unmeasured',
      'unknown images',
      /only for kinds that it was trained on/,
    ],
    [
      'one kind',
      { unknown: good.unknown.slice(0, 1) },
      'unmeasured',
      'unknown images',
      /nly one kind of unknown images was measured: scribbles, 5 % accepted/,
    ],
    [
      'too few unknown images',
      { unknown: [...good.unknown, { name: 'scans', images: 10, accepted: 1 }] },
      'unmeasured',
      'unknown images',
      /^Too few images to tell whether more than 20 % get in: scans 10 %/,
    ],
    [
      'nonsense that gets in',
      { nonsense: [{ name: 'blank pages', images: 100, accepted: 10 }] },
      'against',
      'nonsense',
      /blank pages 10 %/,
    ],
    ['nonsense not measured', { nonsense: [] }, 'unmeasured', 'nonsense', /not screened. Measure them: pnpm evaluate/],
    [
      'a collapsed decoder',
      { reconstruction: { own: 39, classMean: 40 } },
      'against',
      'reconstruction',
      /^This method does not fit these images: .* 97.5 % .*Use it only to keep nonsense out/,
    ],
    ['no reconstructions', { reconstruction: null }, 'unmeasured', 'reconstruction', /pnpm calibrate/],
    ['attacks not run', { attacks: [] }, 'limit', 'attacks', /^No attack .* Do not rely on it against an attacker who has the weights/],
    [
      'attacks that succeed',
      { attacks: [0.05, 0.1, 0.2].map((radius, i) => ({ name: `adaptive, linf ${radius}`, images: 1000, accepted: 400 * i + 100 })) },
      'limit',
      'attacks',
      /: adaptive, linf 0.1 50 %\. Do not rely on it/,
    ],
    [
      'conditions that reject everything',
      {
        conditions: [3, 4, 5].map((severity) => ({
          name: `dark, severity ${severity}`,
          images: 1000,
          rejected: severity === 3 ? 500 : 998,
        })),
      },
      'limit',
      'conditions',
      /^Nearly all images are rejected under these conditions and worse ones: dark, severity 4 99.8 %\./,
    ],
    ['a trial', { trial: true }, 'against', 'trial', /trying out. Train it with --preset paper/],
  ])('%s', (_, change, effect, of, text) => {
    const { verdict, reasons } = fitness({ ...good, ...change });
    expect(reasons.map((reason) => [reason.effect, reason.of])).toEqual([[effect, of]]);
    const verdicts = { against: 'not fit', unmeasured: 'unknown, because not measured', limit: 'fit to deploy' } as const;
    expect(verdict).toBe(verdicts[effect as keyof typeof verdicts]);
    expect(`${reasons[0]?.what} ${reasons[0]?.todo}`).toMatch(text);
  });

  it('names a small class, and how many images it needs', () => {
    const perClass = [...(good.perClass ?? []), { name: 'K', ...counts(14), all: 70 }].map((own) => ({ ...own, all: 5 * own.images }));
    const { verdict, reasons } = fitness({ ...good, perClass });
    expect(verdict).toBe('unknown, because not measured');
    expect(reasons).toEqual([
      {
        ...{ of: 'small classes', effect: 'unmeasured' },
        what: '1 of 3 classes have fewer than 30 test images, too few to judge them.',
        todo: 'Add images. Class K: 14 test images of 70, about 150 are needed.',
      },
    ]);
  });

  it('names classes that are lost, the worst first, by their names', () => {
    const lost = (name: string, rejected: number) => ({ name, ...counts(1000, 0, rejected), all: 5000 });
    const judged = (...perClass: ReturnType<typeof lost>[]) => fitness({ ...good, perClass });
    expect(judged(lost('a', 20), lost('shirt', 310)).reasons).toMatchObject([
      { effect: 'limit', what: expect.stringMatching(/: shirt 31 %\.$/) },
    ]);
    const { verdict, reasons } = judged(lost('a', 600), lost('b', 900));
    expect(verdict).toBe('not fit');
    expect(reasons[0]?.what).toBe('2 classes lose many of their test images, rejected or accepted as another: b 90 %, a 60 %.');
  });
});

it('more images of a kind getting in never make the verdict better', () => {
  const rank = (accepted: number, images: number) =>
    ['fit to deploy', 'unknown, because not measured', 'not fit'].indexOf(
      fitness({ ...good, unknown: [...good.unknown, { name: 'x', images, accepted }] }).verdict,
    );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.double({ min: 0, max: 1, noNaN: true }), (images, part) => {
      const accepted = Math.floor(part * (images - 1));
      expect(rank(accepted + 1, images)).toBeGreaterThanOrEqual(rank(accepted, images));
    }),
  );
});

it('classes that were left out of a small model limit the use of a model, and neither condemn it nor replace other unknown images', () => {
  const leftOut = [{ name: 'class cat, left out of a small model', images: 100, accepted: 60 }];
  expect(fitness({ ...good, leftOut })).toEqual({
    verdict: 'fit to deploy',
    reasons: [
      {
        ...{ of: 'unknown images', effect: 'limit' },
        what: expect.stringMatching(/^Objects like yours, but of no class, .* class cat, left out of a small model 60 % \(60 of 100; /),
        todo: expect.stringContaining('--unknown-dir FOLDER'),
      },
    ],
  });
  expect(fitness({ ...good, leftOut: [] })).toEqual(fitness(good));
  expect(fitness({ ...good, unknown: [] }).verdict).toBe('unknown, because not measured');
});

describe('a bundle', async () => {
  const entry = (name: string, protocol: string, own: ReturnType<typeof counts>) => ({ name, protocol, ...own, reclassified: null });
  const bundle: Judged = {
    classes: ['cat', 'dog'],
    calibration: { method: 'conformal', alpha: 0.015 } as Judged['calibration'],
    reconstruction: { own: 1, classMean: 10 },
    evidence: [
      { ...entry('clean test images', 'training', counts(100)), perClass: [counts(50), counts(50)] },
      ...NONSENSE.map((name) => entry(name, 'quick, seed 1', counts(1000, 0, 1000))),
      entry('unknown: letters', 'quick, seed 1', counts(1000, 10, 990)),
      entry('cut and joined', 'unknown', counts(1000, 10, 990)),
    ],
  };
  const bad = { ...bundle, evidence: [entry('clean test images', 'training', counts(100, 98, 0))] };

  it('is judged by its evidence, and not by that of other thresholds', () => {
    expect(fitnessOf(bundle).verdict).toBe('fit to deploy');
    expect(fitnessOf({ ...bundle, id: 'a' }).verdict).toBe('unknown, because not measured');
    expect(fitnessOf({ ...bundle, id: 'a', evidence: bundle.evidence.map((own) => ({ ...own, id: 'a' })) }).verdict).toBe('fit to deploy');
  });

  it('of a kind that training and an evaluation measured has the figure of the exported graphs, by the same name', () => {
    const kinds = (protocol: string, wrong: number) => ({
      ...entry('joined', protocol, counts(500, wrong, 500 - wrong)),
      about: 'two in one',
    });
    const left = { ...entry('left out: cat', 'unknown', counts(90, 9, 81)), about: 'class cat, left out of a small model' };
    const { unknown, leftOut } = figuresOf({ ...bundle, evidence: [kinds('unknown', 4), kinds('unknown, seed 1', 6), left] });
    expect(unknown).toEqual([{ name: 'two in one', images: 500, accepted: 6 }]);
    expect(leftOut).toEqual([{ name: 'class cat, left out of a small model', images: 90, accepted: 9 }]);
  });

  it('that is unfit is barred until the reasons are accepted, but not for a new reason', () => {
    expect(barring(bad, 'try').map(({ of }) => of)).toEqual(['error']);
    const forced = withForced(bad);
    expect(forced).toMatchObject({ forced: [{ of: 'error', what: expect.stringMatching(/^98 %/) }] });
    expect(barring(forced, 'deploy')).toEqual([]);
    const worse = { ...forced, reconstruction: { own: 10, classMean: 10 } };
    expect(barring(worse, 'deploy').map(({ of }) => of)).toEqual(['reconstruction']);
    expect(withForced(bundle)).toBe(bundle);
  });

  it('that is a trial may be tried out unless it is mostly wrong, and is not deployed', () => {
    const trial = { ...bundle, trial: true } as const;
    expect(fitnessOf(trial).verdict).toBe('not fit');
    expect(barring(trial, 'try')).toEqual([]);
    expect(barring(trial, 'deploy').map(({ of }) => of)).toEqual(['trial']);
    expect(barring({ ...bad, trial: true }, 'try').map(({ of }) => of)).toEqual(['error']);
  });

  it.each(await referenceNames())('models/%s may be deployed, unless its card says what gets in', async (name) => {
    const screening = await parseScreening(await readFile(join(import.meta.dirname, `../../../models/${name}/screening.json`), 'utf8'));
    const unfit = ['fashion', 'mnist-certified', 'coil100'];
    expect(barring(screening, 'deploy').map(({ of }) => of)).toEqual(unfit.includes(name) ? ['unknown images'] : []);
  });
});

it('every kind of nonsense that is drawn is known as such', () => {
  expect(Object.keys(nonsense)).toEqual(NONSENSE);
});

import fc from 'fast-check';
import jstat from 'jstat';
import { describe, expect, it } from 'vitest';
import { curvesOf } from '../../evaluate/figures/curves.ts';
import { measuredParts } from '../../evaluate/figures/measured-parts.ts';
import { partFigures } from '../../evaluate/figures/part-figures.ts';
import { securityCurves } from '../../evaluate/figures/perturbations.ts';
import { riskCoverageOf } from '../../evaluate/figures/score-figures.ts';
import { rate } from '../../shared/rate.ts';
import { broken, described, KEY, made, nearest, RADII, result, clean as unchanged } from './made-results.ts';

describe('rate', () => {
  it('has the intervals of the tables of Clopper and Pearson', () => {
    for (const [count, of, low, high] of [
      [0, 10, 0, 0.3085],
      [10, 10, 0.6915, 1],
      [5, 10, 0.1871, 0.8129],
      [24, 100, 0.1602, 0.3357],
      [1, 20, 0.0013, 0.2487],
      // 1 - .025^(1/n), by hand.
      [0, 100, 0, 1 - 0.025 ** 0.01],
    ] as const) {
      expect(rate(count, of).low).toBeCloseTo(low, 4);
      expect(rate(count, of).high).toBeCloseTo(high, 4);
    }
    expect(rate(0, 0)).toEqual({ count: 0, of: 0, low: 0, high: 1 });
  });

  it('ends where the count would be in the outer 2.5 % of a binomial', () => {
    const counts = fc.tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 1000 })).filter(([k, n]) => k < n);
    fc.assert(
      fc.property(counts, ([k, n]) => {
        const { low, high } = rate(k, n);
        expect(1 - jstat.jStat.binomial.cdf(k - 1, n, low)).toBeCloseTo(0.025, 5);
        expect(jstat.jStat.binomial.cdf(k, n, high)).toBeCloseTo(0.025, 5);
      }),
    );
  });
});

describe('the figures of a part', () => {
  const again = (label: number, kept: boolean, keptByPaper: boolean) => ({ reclassified: { label, kept, keptByPaper } });
  const outcomes = [
    ...[made(0, 'right'), made(1, 'right'), made(2, 'wrong'), made(3, 'rejected', again(0, true, true))],
    ...[
      made(4, 'rejected', again(0, false, true)),
      made(5, 'rejected', again(3, false, false)),
      made(6, 'rejected', again(3, false, true)),
    ],
    made(7, 'rejected', { ...again(3, true, true), reason: 'reconstruction-error' }),
  ];
  const counts = (rates: Record<string, { count: number; of: number }>) =>
    Object.fromEntries(Object.entries(rates).map(([name, { count, of }]) => [name, `${count}/${of}`]));

  it('count those accepted as the very class that was wanted, of attacks that want one each', () => {
    const aimed = (target: number | null) =>
      [0, 1].flatMap((image) => [made(image, 'wrong', { target: 3 }), made(image, 'wrong', { target })]);
    const asTarget = (target: number | null) => {
      const [part] = measuredParts([described(result('Eq. 10', aimed(target)), { kind: 'unconstrained', targeted: target !== null })], KEY);
      return partFigures(part as NonNullable<typeof part>, null).asTarget;
    };
    expect(asTarget(5)).toMatchObject({ count: 2, of: 4 });
    expect(asTarget(null)).toBeNull();
  });

  it('count what became of images, by hand', () => {
    const [part] = measuredParts([result('p', outcomes, { images: 9 })], KEY);
    const figures = partFigures(part as NonNullable<typeof part>, null);
    const { acceptedRight, acceptedWrong, rejected, imagesBroken, reclassified, asked, images, reasons } = figures;
    expect(counts({ acceptedRight, acceptedWrong, rejected, imagesBroken })).toEqual({
      ...{ acceptedRight: '2/8', acceptedWrong: '1/8', rejected: '5/8', imagesBroken: '1/8' },
    });
    expect([asked, images]).toEqual([9, 8]);
    expect(reasons).toEqual({ 'latent-distance': 4, 'reconstruction-error': 1 });
    const { kept, keptByPaper, keepAll } = reclassified as NonNullable<typeof reclassified>;
    expect(counts(kept)).toEqual({ right: '1/5', wrong: '1/5', rejectedStill: '3/5', pipelineRight: '3/8', pipelineWrong: '2/8' });
    expect(counts(keptByPaper)).toEqual({ right: '2/5', wrong: '2/5', rejectedStill: '1/5', pipelineRight: '4/8', pipelineWrong: '3/8' });
    expect(counts(keepAll)).toEqual({ right: '2/5', wrong: '3/5', rejectedStill: '0/5', pipelineRight: '4/8', pipelineWrong: '4/8' });
  });

  it('count an image once that is broken as several targets, and of nothing every label is wrong', () => {
    const tries = [made(0, 'wrong', { target: 3 }), made(0, 'wrong', { target: 4 }), made(1, 'rejected'), made(1, 'right', { truth: -1 })];
    const [part] = measuredParts([result('p', tries)], KEY);
    const { acceptedWrong, imagesBroken, tried } = partFigures(part as NonNullable<typeof part>, null);
    expect(tried).toBe(4);
    expect(counts({ acceptedWrong, imagesBroken })).toEqual({ acceptedWrong: '3/4', imagesBroken: '2/2' });
  });

  it('come from all jobs of the part, of this evaluation alone, each image once', () => {
    const job = (from: number, to: number) =>
      result(
        'p',
        outcomes.filter(({ image }) => image >= from && image < to),
        { from, to, images: 8 },
      );
    const parts = measuredParts([job(4, 8), job(0, 4)], KEY);
    expect(parts.map(({ outcomes: own }) => own.map(({ image }) => image))).toEqual([[0, 1, 2, 3, 4, 5, 6, 7]]);
    expect(parts[0]?.seconds).toBe(3);
    expect(() => measuredParts([job(0, 4), job(3, 8)], KEY)).toThrow(/images 3 to 4 are in two results/);
    expect(() => measuredParts([job(0, 8)], { ...KEY, seed: 8 })).toThrow(/its seed is 7, not 8/);
  });
});

describe('curves', () => {
  it('of fixed radii are told as they are, a fall marked', () => {
    const jobs = [broken('PGD', 0.3, 40), broken('PGD', 0.1, 20), broken('PGD', 0.2, 60), broken('once', 0.1, 5)];
    expect(curvesOf(measuredParts(jobs, KEY)).map(({ attack, points }) => [attack, points.map(told)])).toEqual([
      ['PGD', ['0.1: 20/100', '0.2: 60/100', '0.3: 40/100 failed']],
    ]);
  });

  const told = ({ eps, acceptedWrong, failed }: ReturnType<typeof curvesOf>[number]['points'][number]) =>
    `${eps}: ${acceptedWrong.count}/${acceptedWrong.of}${failed ? ' failed' : ''}`;

  it('of the nearest images count those within each radius, the radius itself among them', () => {
    const [curve] = securityCurves(measuredParts([nearest('outside', [0.1, 0.1 + 1e-7, 0.25, null])], KEY), RADII);
    const at = (radius: number) => curve?.curve.broken[curve.curve.radii.indexOf(radius)];
    expect([0, 0.05, 0.09, 0.1, 0.2, 0.25, 0.3].map(at)).toEqual([0, 0, 0, 2, 2, 3, 3]);
    expect([curve?.found.count, curve?.images, curve?.medianRadius]).toEqual([3, 4, 0.1 + 1e-7]);
  });
});

describe('risk and coverage', () => {
  const thresholds = { maxLatentDistance: [1, 1, 1, 1], maxReconstructionError: [10, 10, 10, 5] };
  const clean = (image: number, latentDistance: number | null, reconstructionError: number, label = 0, accepted = true) =>
    made(image, accepted ? 'right' : 'rejected', { latentDistance, reconstructionError, label, norm: null });

  it('takes the surest first, by the larger score in proportion to its threshold', () => {
    const jobs = [
      unchanged([
        clean(0, 0.1, 8),
        clean(1, 0.5, 1),
        // As a three, whose limit is 5: .6.
        clean(2, 0.2, 3, 3),
        clean(3, 1.5, 1, 3, false),
        clean(4, null, 1, 0, false),
      ]),
    ];
    const found = riskCoverageOf(measuredParts(jobs, KEY), thresholds);
    expect(found?.points).toEqual([
      { jointScore: 0.5, coverage: 0.2, risk: 0 },
      { jointScore: 0.6, coverage: 0.4, risk: 0.5 },
      { jointScore: 0.8, coverage: 0.6, risk: 1 / 3 },
      { jointScore: 1.5, coverage: 0.8, risk: 0.5 },
    ]);
    expect([found?.operating.coverage.count, found?.operating.risk.count, found?.operating.risk.of]).toEqual([3, 1, 3]);
  });

  it('is not there without clean images', () => {
    expect(riskCoverageOf(measuredParts([broken('PGD', 0.1, 3)], KEY), thresholds)).toBeNull();
  });
});

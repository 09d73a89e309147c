import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conformalThresholds, rareLabels } from '../../../shared/calibration/conformal.ts';
import {
  conformalRank,
  exceedanceProbability,
  imagesNeeded,
  quantile,
  quantileTable,
} from '../../../shared/calibration/order-statistic.ts';
import { fitRankMap, scoreAt, surprisalOf } from '../../../shared/calibration/rank-map.ts';
import { chiSquareCritical, THREE_SIGMA, threeSigmaThresholds } from '../../../shared/calibration/three-sigma.ts';
import { decide } from '../../../shared/decision/decide.ts';
import type { Scores } from '../../../shared/decision/scores.ts';
import { randomFrom } from '../../../shared/random.ts';

describe('chi-square critical values', () => {
  // From scipy.stats.chi2.ppf (SciPy 1.16).
  it.each([
    [0.9973, 10, 26.900911788614067],
    [0.985, 1, 5.916467884640158],
    [0.9973, 100, 143.8453340167855],
  ])('at %f with %i degrees of freedom is %f', (coverage, dimensions, expected) => {
    expect(chiSquareCritical(coverage, dimensions)).toBeCloseTo(expected, 6);
  });

  it('of three sigma in one dimension is nine', () => {
    expect(chiSquareCritical(THREE_SIGMA, 1)).toBeCloseTo(9, 6);
  });
});

describe('conformalRank', () => {
  it('is the smallest that keeps the promise, by an exact binomial sum', () => {
    const promised = (k: number, n: number, alpha: number) => {
      let term = alpha ** n;
      let sum = 0;
      for (let i = 0; i < k; i++) {
        sum += term;
        term *= (((n - i) / (i + 1)) * (1 - alpha)) / alpha;
      }
      return sum;
    };
    for (const [n, alpha, delta] of [
      [30, 0.1, 0.05],
      [60, 0.1, 0.05],
      [100, 0.05, 0.1],
      [99, 0.2, 0.01],
    ] as const) {
      const expected = Array.from({ length: n }, (_, i) => i + 1).find((k) => promised(k, n, alpha) >= 1 - delta) ?? null;
      expect(conformalRank(n, alpha, delta)).toBe(expected);
    }
  });

  it('holds in a simulation, and no rank below does', () => {
    const [n, alpha, delta, draws] = [400, 0.05, 0.1, 4000];
    const rank = conformalRank(n, alpha, delta) as number;
    const random = randomFrom(5, 'order statistic');
    const broken = [0, 0];
    for (let draw = 0; draw < draws; draw++) {
      const scores = Float64Array.from({ length: n }, () => random.uniform()).sort();
      // Of uniform scores, the share above the threshold is 1 - threshold.
      if (1 - (scores[rank - 1] as number) > alpha) broken[0] = (broken[0] as number) + 1;
      if (1 - (scores[rank - 2] as number) > alpha) broken[1] = (broken[1] as number) + 1;
    }
    const noise = 3 * Math.sqrt((delta * (1 - delta)) / draws);
    expect((broken[0] as number) / draws).toBeLessThan(delta + noise);
    expect((broken[1] as number) / draws).toBeGreaterThan(delta - noise);
  });

  it('exceedance on m fresh images is what a simulation of ranks gives', () => {
    const [n, k, m, alpha] = [60, 57, 40, 0.1] as const;
    const random = randomFrom(8, 'exceedance');
    let exceeded = 0;
    for (let draw = 0; draw < 20_000; draw++) {
      const scores = Array.from({ length: n + m }, () => random.uniform());
      const threshold = scores.slice(0, n).sort((a, b) => a - b)[k - 1] as number;
      if (scores.slice(n).filter((score) => score > threshold).length > alpha * m) exceeded++;
    }
    // Four standard errors of the simulation.
    expect(Math.abs(exceedanceProbability(n, k, m, alpha) - exceeded / 20_000)).toBeLessThan(4 * Math.sqrt(0.25 / 20_000));
    // By hand: one of two scores, one fresh image, which is above the larger in a third of the orders.
    expect(exceedanceProbability(2, 2, 1, 0.5)).toBeCloseTo(1 / 3, 12);
  });

  it('says how many images are needed: (1 - alpha)^n <= delta', () => {
    expect(imagesNeeded(0.015, 0.05)).toBe(199);
    expect(conformalRank(199, 0.015, 0.05)).toBe(199);
    expect(conformalRank(198, 0.015, 0.05)).toBeNull();
    expect(conformalRank(0, 0.5, 0.5)).toBeNull();
    // A half of one score: the first.
    expect(conformalRank(1, 0.5, 0.5)).toBe(1);
    expect(() => imagesNeeded(0.1, 1)).toThrow(/delta is 1; it must be more than 0 and less than 1/);
    expect(() => imagesNeeded(1e-9, 0.1)).toThrow(/alpha is 1e-9; it must be 1e-8 or more/);
  });

  it.each([0, 1, -0.1, Number.NaN])('refuses alpha %f', (alpha) => {
    expect(() => conformalRank(100, alpha, 0.05)).toThrow(/alpha is .*more than 0 and less than 1/);
  });
});

describe('rank map', () => {
  const sample = fc.array(fc.double({ min: 0, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 60 });

  it('rises, and its inverse is its inverse', () => {
    fc.assert(
      fc.property(
        sample,
        fc.double({ min: 0, max: 2e3, noNaN: true }),
        fc.double({ min: 0, max: 10, noNaN: true }),
        (scores, score, more) => {
          const map = fitRankMap(scores);
          const surprisal = surprisalOf(map, score);
          expect(surprisalOf(map, score + more)).toBeGreaterThanOrEqual(surprisal);
          // Between knots that are alike in surprisal any of their scores is an inverse.
          const back = scoreAt(map, surprisal);
          expect(surprisalOf(map, back)).toBeCloseTo(surprisal, 6);
          if (score > 1e-3) expect(back).toBeGreaterThan(score * (1 - 1e-6) - 1e-6);
        },
      ),
    );
  });

  it.each([
    // The tail is the largest tenth, but at least ten scores and at most half of them.
    [1000, 900],
    [100, 90],
    [60, 50],
    [10, 5],
    [3, 2],
  ])('of %i scores begins its tail at the %i-th', (count, start) => {
    const map = fitRankMap(Array.from({ length: count }, (_, i) => count - i));
    expect([map.scores, map.tailStart]).toEqual([Array.from({ length: start + 1 }, (_, i) => i), start]);
    for (const [i, surprisal] of map.surprisals.entries()) expect(surprisal).toBeCloseTo(-Math.log(1 - i / (count + 1)), 12);
    let sum = 0;
    for (let score = start + 1; score <= count; score++) sum += Math.log(score / start);
    expect(map.tailIndex).toBeCloseTo(sum / (count - start), 12);
    expect(surprisalOf(map, 2 * start)).toBeCloseTo((map.surprisals.at(-1) as number) + Math.log(2) / map.tailIndex, 12);
  });

  it('gives tied scores the surprisal of the last of them, and scores of 0 none', () => {
    const map = fitRankMap([0, 0, 1, 1, 1, 2, 2, 9, 9, 9, 9, 9, 9, 9]);
    expect(map.scores).toEqual([0, 1, 2]);
    expect(map.surprisals.map((surprisal) => Math.exp(-surprisal))).toEqual([1, 10 / 15, 8 / 15].map((share) => expect.closeTo(share, 12)));
  });

  it.each([
    [[], 'at least one score'],
    [[1, Number.NaN], 'finite scores'],
    [[1, Number.POSITIVE_INFINITY], 'finite scores'],
  ])('needs scores that are finite: %j', (sample, message) => {
    expect(() => fitRankMap(sample)).toThrow(message);
  });

  it('gives -ln of the share of scores above, and goes on beyond the largest', () => {
    const map = fitRankMap(Array.from({ length: 999 }, (_, i) => i + 1));
    expect(surprisalOf(map, 500)).toBeCloseTo(-Math.log(0.5), 9);
    expect(surprisalOf(map, 5000)).toBeGreaterThan(surprisalOf(map, 1000));
    expect(surprisalOf(map, Number.NaN)).toBeNaN();
  });

  it('has a power-law tail with the exponent of its sample (Pareto: 1 - F = score^-2), which a far outlier hardly moves', () => {
    const pareto = Array.from({ length: 5000 }, (_, i) => (1 - (i + 0.5) / 5000) ** -0.5);
    for (const sample of [pareto, [...pareto, 1e4]]) {
      const map = fitRankMap(sample);
      for (const score of [10, 30, 100]) expect(Math.abs(surprisalOf(map, score) / (2 * Math.log(score)) - 1)).toBeLessThan(0.04);
    }
  });

  it.each([[[0]], [[0, 0, 0]], [[5, 5, 5, 5]], [[1e-300]]])('of scores that are all alike still rises: %j', (sample) => {
    const map = fitRankMap(sample);
    const top = Math.max(...sample, 1e-12);
    expect(surprisalOf(map, 4 * top)).toBeGreaterThan(surprisalOf(map, 2 * top));
    expect(Number.isFinite(surprisalOf(map, 1e9))).toBe(true);
  });
});

describe('conformal thresholds', () => {
  const random = randomFrom(11, 'scores');
  /** Two classes whose scores are on different scales, a few labels wrong. */
  const draw = (count: number): Scores[] =>
    Array.from({ length: count }, () => {
      const label = random.integer(0, 1);
      const scale = label === 0 ? 1 : 40;
      const exponential = () => -scale * Math.log(1 - random.uniform());
      return { label, latentDistance: exponential(), reconstructionError: exponential() ** 2, relativeError: exponential() };
    });
  const options = { classes: ['zero', 'one'], alpha: 0.05, delta: 0.1 };

  it('reject at most alpha, and not much less, of new images, and treat the classes alike', () => {
    let broken = 0;
    const rates: number[] = [];
    for (let trial = 0; trial < 40; trial++) {
      const thresholds = conformalThresholds(draw(500), draw(2000), { ...options, guarantee: 'marginal' });
      const fresh = draw(4000);
      const rejected = fresh.filter((scores) => !decide(scores, thresholds).accepted);
      rates.push(rejected.length / fresh.length);
      if (rejected.length / fresh.length > options.alpha + 2 * Math.sqrt((0.05 * 0.95) / 4000)) broken++;
    }
    expect(broken).toBeLessThanOrEqual(8);
    expect(rates.sort((a, b) => a - b)[20]).toBeGreaterThan(0.7 * options.alpha);
  });

  it('reject exactly the calibration images above the rank', () => {
    const calibration = draw(1000);
    const thresholds = conformalThresholds(draw(500), calibration, { ...options, guarantee: 'marginal' });
    const rejected = calibration.filter((scores) => !decide(scores, thresholds).accepted).length;
    expect(rejected).toBe(1000 - (conformalRank(1000, 0.05, 0.1) as number));
  });

  it('of a score that all classes share, one; the promise is the same', () => {
    const calibration = draw(1000);
    const thresholds = conformalThresholds(draw(500), calibration, { ...options, guarantee: 'marginal', common: ['latentDistance'] });
    expect(new Set(thresholds.maxLatentDistance).size).toBe(1);
    expect(new Set(thresholds.maxReconstructionError).size).toBe(options.classes.length);
    const rejected = calibration.filter((scores) => !decide(scores, thresholds).accepted).length;
    expect(rejected).toBe(1000 - (conformalRank(1000, 0.05, 0.1) as number));
  });

  it('of the optional scores, only those that are asked for; the promise is the same', () => {
    const calibration = draw(1000);
    const thresholds = conformalThresholds(draw(500), calibration, { ...options, guarantee: 'marginal', scores: [] });
    expect(Object.keys(thresholds)).toEqual(['maxLatentDistance', 'maxReconstructionError']);
    const rejected = calibration.filter((scores) => !decide(scores, thresholds).accepted).length;
    expect(rejected).toBe(1000 - (conformalRank(1000, 0.05, 0.1) as number));
  });

  it.each([1, 5, 9, 10, 11, 30, 49, 50, 80])('of a class with %i tune images stay in its range', (count) => {
    const exponential = (scale: number) => -scale * Math.log(1 - random.uniform());
    const one = (label: number): Scores => ({
      ...{ label, latentDistance: exponential(1), reconstructionError: exponential(3), relativeError: exponential(1) },
    });
    const of = (few: number) => [...Array.from({ length: 2000 }, () => one(0)), ...Array.from({ length: few }, () => one(1))];
    const thresholds = conformalThresholds(of(count), of(100), { ...options, alpha: 0.015, guarantee: 'marginal' });
    for (const [common, rare] of Object.values(thresholds) as [number, number][]) {
      expect(rare / common).toBeGreaterThan(1 / 6);
      expect(rare / common).toBeLessThan(6);
    }
  });

  it('are never infinite: tied tune scores, and calibration scores that are not numbers', () => {
    const tied = draw(2000).map((scores) => (scores.label === 1 ? { ...scores, latentDistance: 5 } : scores));
    const beyond = draw(2000).map((scores, i) => (scores.label === 1 ? { ...scores, latentDistance: i % 5 === 0 ? 6 : 5 } : scores));
    const { maxLatentDistance } = conformalThresholds(tied, beyond, { ...options, guarantee: 'marginal' });
    expect(maxLatentDistance.every((value) => value < 1e9)).toBe(true);
    const withNaN = (count: number) => draw(2000).map((scores, i) => (i < count ? { ...scores, reconstructionError: Number.NaN } : scores));
    const few = withNaN(40);
    const thresholds = conformalThresholds(draw(500), few, { ...options, guarantee: 'marginal' });
    const rejected = few.filter((scores) => !decide(scores, thresholds).accepted).length;
    expect(rejected).toBe(2000 - (conformalRank(2000, 0.05, 0.1) as number));
    expect(() => conformalThresholds(draw(500), withNaN(400), { ...options, guarantee: 'marginal' })).toThrow(
      /^max\w+ of class (zero|one) is Infinity: no finite threshold keeps a rejection rate of 0.05/,
    );
    expect(() => conformalThresholds(withNaN(1), draw(500), { ...options, guarantee: 'marginal' })).toThrow(/finite scores/);
  });

  it('keep the promise in each class where that is asked: of each, the calibration images above the rank are rejected', () => {
    const calibration = draw(1000);
    const thresholds = conformalThresholds(draw(500), calibration, { ...options, guarantee: 'per-class' });
    for (const y of [0, 1]) {
      const own = calibration.filter(({ label }) => label === y);
      const rejected = own.filter((scores) => !decide(scores, thresholds).accepted).length;
      expect(rejected).toBe(own.length - (conformalRank(own.length, 0.05, 0.1) as number));
    }
  });

  it('of a class come from its own 50 tune images; with fewer from the shape of all, by its own scale; with fewer than 10 from all', () => {
    const [calibration, others] = [draw(1000), draw(4000)];
    const own = draw(400).filter(({ label }) => label === 1);
    const perClass = (count: number, scale: number) => {
      const scaled = others.flatMap((scores) =>
        scores.label === 0 ? [{ ...scores, reconstructionError: scale * scores.reconstructionError }] : [],
      );
      const tune = [...scaled, ...own.slice(0, count)];
      return conformalThresholds(tune, calibration, { ...options, guarantee: 'per-class' }).maxReconstructionError[1] as number;
    };
    // By how much the threshold grows if the other class's scores are made ten times as large; the limit of its own images holds it.
    const map = (count: number) => perClass(count, 10) / perClass(count, 1);
    expect(map(50)).toBe(1);
    expect(map(49)).not.toBe(1);
    expect(perClass(50, 1)).not.toBe(perClass(49, 1));
  });

  it('of an unknown class are refused', () => {
    const odd = [{ label: 2, latentDistance: 1, reconstructionError: 1, relativeError: 1 }];
    expect(() => conformalThresholds(draw(50), odd, { ...options, guarantee: 'marginal' })).toThrow('label 2 is not one of 2 classes');
  });

  it('share the false rejections out: 80 % to the latent distance, 10 % to each of the two errors', () => {
    // Scores with the power-law tail that the rank map extrapolates exactly.
    const pareto = (exponent: number) => random.uniform() ** (-1 / exponent);
    const one = (): Scores => ({ label: 0, latentDistance: pareto(2), reconstructionError: pareto(1), relativeError: pareto(4) });
    const of = (count: number) => Array.from({ length: count }, one);
    const thresholds = conformalThresholds(of(50_000), of(10_000), { ...options, classes: ['only'], guarantee: 'marginal' });
    const limits = [thresholds.maxLatentDistance, thresholds.maxReconstructionError, thresholds.maxRelativeError] as [number][];
    // Of scores with the exponent a, t^-a lie above t.
    const rates = limits.map(([limit], i) => limit ** -([2, 1, 4][i] as number));
    const all = rates.reduce((sum, rate) => sum + rate);
    expect(rates.map((rate) => +(rate / all).toFixed(1))).toEqual([0.8, 0.1, 0.1]);
  });

  it('say how many images are missing', () => {
    const few = () => conformalThresholds(draw(50), draw(20), { ...options, guarantee: 'marginal' });
    expect(few).toThrow(
      /^20 calibration images are too few .* 45 are needed\. .* an alpha of 0\.109 or more, a larger delta, or the three-sigma method\.$/,
    );
    const perClass = () => conformalThresholds(draw(50), draw(60), { ...options, guarantee: 'per-class' });
    expect(perClass).toThrow(/of class (zero|one) are too few .*, or the marginal guarantee\.$/);
  });
});

describe('three-sigma thresholds', () => {
  it("take the quantile of the class's own errors, of all for a class without any", () => {
    const thresholds = threeSigmaThresholds([[1, 2, 3], []], [1, 2, 3, 9], 10, 1);
    expect(thresholds.maxReconstructionError).toEqual([3, 9]);
    expect(threeSigmaThresholds([[1]], [1], 10, 0.9973).maxLatentDistance[0]).toBeCloseTo(26.9009, 3);
  });
});

describe('quantiles', () => {
  // numpy.quantile([1, 2, 4, 8], q), linear
  it.each([
    [0, 1],
    [0.25, 1.75],
    [0.5, 3],
    [0.9, 6.8],
    [1, 8],
  ])('at %f is %f', (level, expected) => {
    expect(quantile([8, 1, 4, 2], level)).toBeCloseTo(expected, 12);
  });

  it('of a class without scores are those of all', () => {
    expect(quantileTable([[1, 3], []], [0, 1])).toEqual([
      [1, 3],
      [1, 3],
    ]);
  });
});

describe('classes of which there are too few images', () => {
  const scored = (label: number, i: number, scale = 1): Scores => ({
    ...{ label, latentDistance: scale * (1 + (i % 97) / 97), reconstructionError: 1 + (i % 89) / 89, relativeError: 0.1 + (i % 83) / 830 },
  });
  const thresholds = { maxLatentDistance: [9, 9, 9], maxReconstructionError: [9, 9, 9], maxRelativeError: [9, 9, 9] };
  const of = (count: number, label: number, scale = 1) => Array.from({ length: count }, (_, i) => scored(label, i, scale));

  it('are the rarest, together at most half of alpha', () => {
    const tune = [...of(180, 0), ...of(1, 1), ...of(19, 2)];
    expect([rareLabels(tune, 4, 0.02), rareLabels(tune, 4, 0.005), rareLabels(tune, 3, 0.2)]).toEqual([
      ...[new Set([3, 1]), new Set([3]), new Set([1, 2])],
    ]);
  });

  it('keep their thresholds, and what these reject counts', () => {
    const options = { classes: ['a', 'b', 'c'], alpha: 0.05, delta: 0.1, guarantee: 'marginal' } as const;
    const kept = { labels: new Set([1, 2]), thresholds };
    const found = conformalThresholds(of(300, 0), [...of(400, 0), ...of(4, 1)], { ...options, kept });
    expect(found.maxLatentDistance.slice(1)).toEqual([9, 9]);
    expect(found.maxLatentDistance[0]).toBeLessThan(9);
    // Four images that are rejected whatever the others' thresholds are leave the others less.
    const rejecting = conformalThresholds(of(300, 0), [...of(400, 0), ...of(4, 1, 20)], { ...options, kept });
    expect(rejecting.maxLatentDistance[0]).toBeGreaterThan(found.maxLatentDistance[0] as number);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guaranteeProblem, latentCaps, leastAcceptedMargins, reclassifiedMargin } from '../../../shared/bundle/guarantee.ts';
import type { Covariances } from '../../../shared/bundle/screening-schema.ts';
import { latentDistance, oneHotMeans, precisionsOf } from '../../../shared/decision/latent-space.ts';

const spherical: Covariances = { kind: 'spherical', values: [0.04, 0.01] };
const bundle = {
  guarantee: { norm: 'linf' as const, radius: 0.1 },
  classes: ['a', 'b'],
  means: oneHotMeans(2, 3),
  covariances: spherical,
  thresholds: { maxLatentDistance: [4.5, 8], maxReconstructionError: [1, 1], maxRivalMargin: [0.6, 0.6] },
};

it('the least margin of an accepted image is 1 - sqrt(tau V) / 2, by hand', () => {
  // sqrt(4.5 * 0.08) = 0.6 and sqrt(8 * 0.02) = 0.4
  const [a, b] = leastAcceptedMargins([4.5, 8], spherical) as [number, number];
  expect(a).toBeCloseTo(0.7, 12);
  expect(b).toBeCloseTo(0.8, 12);
  const diagonal: Covariances = { kind: 'diagonal', values: [[0.04, 0.05, 9], [0.01, 0.03, 9]] }; // biome-ignore format: rows
  // Padding dimensions do not count: sqrt(4 * 0.09) = 0.6 and sqrt(4 * 0.04) = 0.4
  expect(leastAcceptedMargins([4, 4], diagonal).map((value) => +value.toFixed(12))).toEqual([0.7, 0.8]);
});

it('no latent within the threshold is at a smaller share of the way, in any direction', () => {
  const values = [0, 1, 2].map((y) => [0.02 + 0.01 * y, 0.05, 0.01, 0.3]);
  const covariances: Covariances = { kind: 'diagonal', values };
  const [means, precisions] = [oneHotMeans(3, 4), precisionsOf(covariances, 4)];
  const tau = 3;
  const least = leastAcceptedMargins([tau, tau, tau], covariances);
  const direction = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(direction, fc.integer({ min: 0, max: 2 }), (away, t) => {
      const mean = means[t] as number[];
      const at = (length: number) => away.map((value, i) => (mean[i] as number) + length * value);
      const unit = latentDistance(at(1), mean, precisions[t] as number[][]);
      fc.pre(unit > 1e-9);
      const z = at(Math.sqrt(tau / unit));
      for (const y of [0, 1, 2])
        if (y !== t) expect((1 + (z[t] as number) - (z[y] as number)) / 2).toBeGreaterThanOrEqual((least[t] as number) - 1e-9);
    }),
  );
});

describe('a bundle with a guarantee', () => {
  it('passes with thresholds at the caps, and not beyond', () => {
    expect(guaranteeProblem(bundle)).toBeUndefined();
    const caps = latentCaps(0.6, spherical);
    expect(guaranteeProblem({ ...bundle, thresholds: { ...bundle.thresholds, maxLatentDistance: caps } })).toBeUndefined();
    const beyond = { ...bundle.thresholds, maxLatentDistance: [caps[0] as number, (caps[1] as number) * 1.001] };
    expect(guaranteeProblem({ ...bundle, thresholds: beyond })).toMatch(
      /^the thresholds do not keep the guarantee: an image that is accepted as b may have a rival margin of 0\.59/,
    );
    // Below half way no latent of another class is near enough, whatever its threshold.
    const near = { ...bundle.thresholds, maxLatentDistance: [1e9, 1e9], maxRivalMargin: [0.499, 0.4] };
    expect(guaranteeProblem({ ...bundle, thresholds: near })).toBeUndefined();
    expect(latentCaps(0.499, spherical)).toEqual([Infinity, Infinity]);
    expect(guaranteeProblem({ ...bundle, thresholds: { ...near, maxRivalMargin: [0.5, 0.4] } })).toMatch(/do not keep/);
    // The largest threshold counts, and a limit that touches is none.
    for (const maxRivalMargin of [
      [0.2, 0.75],
      [0.7, 0.7],
      [Number.NaN, 0.1],
    ])
      expect(guaranteeProblem({ ...bundle, thresholds: { ...bundle.thresholds, maxRivalMargin } })).toMatch(/do not keep/);
  });

  it('needs its thresholds, one-hot means and covariances without correlations; thresholds need a guarantee', () => {
    const { maxRivalMargin: _, ...without } = bundle.thresholds;
    expect(guaranteeProblem({ ...bundle, thresholds: without })).toBe('guarantee needs thresholds.maxRivalMargin, which is missing');
    expect(guaranteeProblem({ ...bundle, thresholds: without, guarantee: undefined })).toBeUndefined();
    expect(guaranteeProblem({ ...bundle, guarantee: undefined })).toMatch(/belongs to a guarantee, which is missing/);
    const moved = [[1, 0, 0], [0, 1, 0.1]]; // biome-ignore format: rows
    expect(guaranteeProblem({ ...bundle, means: moved })).toMatch(/one-hot means/);
    const full = { kind: 'full' as const, values: [] };
    expect(guaranteeProblem({ ...bundle, covariances: full })).toMatch(/spherical or diagonal/);
    expect(() => latentCaps(0.6, full)).toThrow(/spherical or diagonal/);
  });
});

it('a reclassified class must be the nearest everywhere within the radius', () => {
  expect(reclassifiedMargin(0.3)).toBe(0.3);
  expect(reclassifiedMargin(0.7)).toBeLessThan(0.5);
  expect(reclassifiedMargin(Number.NaN)).toBeNaN();
});

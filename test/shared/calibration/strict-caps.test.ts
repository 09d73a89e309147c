import { describe, expect, it } from 'vitest';
import { guaranteeProblem } from '../../../shared/bundle/guarantee.ts';
import { conformalThresholds } from '../../../shared/calibration/conformal.ts';
import { conformalRank, smallestAlpha } from '../../../shared/calibration/order-statistic.ts';
import { strictCaps } from '../../../shared/calibration/strict-caps.ts';
import { decide } from '../../../shared/decision/decide.ts';
import { oneHotMeans } from '../../../shared/decision/latent-space.ts';
import type { Scores } from '../../../shared/decision/scores.ts';
import { randomFrom } from '../../../shared/random.ts';

const covariances = { kind: 'spherical' as const, values: [0.02, 0.05] };
const random = randomFrom(1, 'strict');
const exponential = (scale: number) => -scale * Math.log(1 - random.uniform());
const draw = (count: number): Scores[] =>
  Array.from({ length: count }, () => ({
    label: random.integer(0, 1),
    latentDistance: exponential(2),
    reconstructionError: exponential(5),
    relativeError: exponential(1),
    rivalMargin: 0.15 + exponential(0.1),
  }));
const options = { classes: ['a', 'b'], delta: 0.05, guarantee: 'marginal' as const, scores: ['relativeError', 'rivalMargin'] as const };
const rejectedOf = (sample: Scores[], thresholds: Parameters<typeof decide>[1]) =>
  sample.filter((scores) => !decide(scores, thresholds).accepted).length;

describe('caps of strict mode', () => {
  it('reject the fewest tune images of all thresholds that keep the guarantee', () => {
    const tune = draw(400);
    const caps = strictCaps(tune, covariances);
    const beyond = ({ latentDistance, rivalMargin = 1, label }: Scores, margin: number, distances: readonly number[]) =>
      rivalMargin > margin || latentDistance > (distances[label] as number);
    const chosen = caps.rivalMargin?.[0] as number;
    const fewest = tune.filter((scores) => beyond(scores, chosen, caps.latentDistance as number[])).length;
    for (let margin = 0.01; margin < 1; margin += 0.01) {
      // sqrt(2 tau variance) < 2 (1 - margin), or any distance below half way
      const distances = covariances.values.map((variance) => (margin < 0.5 ? Infinity : (2 * (1 - margin) ** 2) / variance));
      expect(tune.filter((scores) => beyond(scores, margin, distances)).length).toBeGreaterThanOrEqual(fewest - 1);
    }
  });

  it('say so where no image can pass', () => {
    const far = draw(20).map((scores) => ({ ...scores, rivalMargin: 1.2 }));
    expect(() => strictCaps(far, covariances)).toThrow(/would reject every image: for none of 20 tune images .* Use a smaller radius/);
    expect(() =>
      strictCaps(
        draw(3).map(({ rivalMargin: _, ...scores }) => scores),
        covariances,
      ),
    ).toThrow(/would reject every image/);
  });
});

describe('conformal thresholds with caps', () => {
  const [tune, calibration] = [draw(600), draw(3000)];
  const caps = strictCaps(tune, covariances);
  const set = (alpha: number, change: object = {}) => conformalThresholds(tune, calibration, { ...options, alpha, caps, ...change });

  it('keep the guarantee, and reject as many calibration images in all as without', () => {
    const thresholds = set(0.12);
    expect(rejectedOf(calibration, thresholds)).toBe(3000 - (conformalRank(3000, 0.12, 0.05) as number));
    const bundle = { guarantee: { norm: 'linf' as const, radius: 0.1 }, covariances, means: oneHotMeans(2, 2), classes: ['a', 'b'] };
    expect(guaranteeProblem({ ...bundle, thresholds })).toBeUndefined();
    expect(thresholds.maxRivalMargin).toEqual(caps.rivalMargin);
  });

  it('hold on new images what they promise', () => {
    let broken = 0;
    for (let trial = 0; trial < 40; trial++) {
      const fresh = draw(600);
      const thresholds = conformalThresholds(fresh, draw(2000), { ...options, alpha: 0.15, caps: strictCaps(fresh, covariances) });
      if (rejectedOf(draw(4000), thresholds) / 4000 > 0.15 + 2 * Math.sqrt((0.15 * 0.85) / 4000)) broken++;
    }
    expect(broken).toBeLessThanOrEqual(5);
  });

  it('say which alpha the model can promise, and keep that one', () => {
    const message = /rejects (\d+) of 3000 calibration images, too many to promise .* of 0\.001 .* alpha of (0\.\d+) or more/;
    let text = '';
    try {
      set(0.001);
    } catch (error) {
      text = (error as Error).message;
    }
    const [, rejected, alpha] = (message.exec(text) ?? []).map(Number) as [number, number, number];
    expect(alpha).toBeGreaterThan(rejected / 3000);
    const thresholds = set(alpha);
    expect(rejectedOf(calibration, thresholds)).toBeGreaterThanOrEqual(rejected);
    expect(() => set(alpha - 0.002)).toThrow(/too many to promise/);
    expect(() => set(0.01, { guarantee: 'per-class' })).toThrow(/calibration images of class [ab], too many/);
  });

  it('cap the thresholds that a rare class keeps', () => {
    const kept = { labels: new Set([1]), thresholds: { ...set(0.12), maxLatentDistance: [1e6, 1e6], maxRivalMargin: [0.9, 0.9] } };
    const thresholds = set(0.12, { kept });
    expect(thresholds.maxLatentDistance[1]).toBe(caps.latentDistance?.[1]);
    expect(thresholds.maxRivalMargin).toEqual(caps.rivalMargin);
  });
});

it('smallestAlpha of the k-th score is where its rank becomes k', () => {
  for (const [n, k] of [
    [500, 480],
    [3000, 2900],
    [100, 100],
  ] as const) {
    const alpha = smallestAlpha(n, 0.05, k);
    expect(conformalRank(n, alpha + 1e-6, 0.05)).toBeLessThanOrEqual(k);
    expect(conformalRank(n, alpha - 1e-6, 0.05) ?? n + 1).toBeGreaterThan(k);
  }
  expect(smallestAlpha(10, 0.05, 0)).toBe(1);
});

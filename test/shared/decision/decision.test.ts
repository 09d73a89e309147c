import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, decideReclassified, marginProblem, pValue } from '../../../shared/decision/decide.ts';
import { latentDistance, nearestMean, oneHotMeans, precisionsOf, squaredEuclidean } from '../../../shared/decision/latent-space.ts';
import {
  defaultRelativeErrorOffset,
  type GraphOutputs,
  imagesOf,
  OutputError,
  type Scores,
  scoresFromOutputs,
  withDerived,
} from '../../../shared/decision/scores.ts';

const thresholds = { maxLatentDistance: [1, 2], maxReconstructionError: [10, 20], maxRelativeError: [0.5, 0.6] };
const good = { label: 1, latentDistance: 2, reconstructionError: 20, relativeError: 0.6 };

describe('decide', () => {
  it('accepts at the thresholds, rejects beyond them, the latent test first', () => {
    expect(decide(good, thresholds)).toEqual({ accepted: true });
    const reason = (change: object) => decide({ ...good, ...change }, thresholds);
    expect(reason({ latentDistance: 2.001, reconstructionError: 99 })).toEqual({ accepted: false, reason: 'latent-distance' });
    expect(reason({ reconstructionError: 20.1, relativeError: 9 })).toEqual({ accepted: false, reason: 'reconstruction-error' });
    expect(reason({ relativeError: 0.61 })).toEqual({ accepted: false, reason: 'relative-error' });
    expect(reason({ label: 0 })).toEqual({ accepted: false, reason: 'latent-distance' });
  });

  it('never accepts a score that is not a number from 0 up, or a label that is no class', () => {
    const odd = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1);
    fc.assert(
      fc.property(fc.constantFrom('latentDistance', 'reconstructionError', 'relativeError'), odd, fc.boolean(), (name, value, keepAll) => {
        expect(decide({ ...good, [name]: value }, thresholds).accepted).toBe(false);
        if (value !== Number.POSITIVE_INFINITY || name !== 'relativeError')
          expect(decideReclassified({ ...good, [name]: value }, thresholds, { keepAll, minMargin: 1 }).accepted).toBe(false);
      }),
    );
    for (const label of [-1, 2, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(decide({ ...good, label }, thresholds)).toEqual({ accepted: false, reason: 'unknown-label' });
      expect(decideReclassified({ ...good, label }, thresholds, { keepAll: true, minMargin: 1 }).accepted).toBe(false);
    }
    expect(decide(good, { ...thresholds, maxRelativeError: [0.5] }).accepted).toBe(false);
  });

  it.each(['maxLatentDistance', 'maxReconstructionError', 'maxRelativeError'])('never accepts by a %s that is not finite', (name) => {
    for (const value of [Number.POSITIVE_INFINITY, Number.NaN])
      expect(decide(good, { ...thresholds, [name]: [value, value] })).toEqual({ accepted: false, reason: 'not-finite' });
  });

  it('never accepts a label of which a threshold is missing, and does without relative errors where the bundle does', () => {
    const { maxRelativeError: _, ...without } = thresholds;
    expect(decide({ ...good, relativeError: Number.NaN }, without)).toEqual({ accepted: true });
    for (const name of ['maxLatentDistance', 'maxReconstructionError'] as const)
      expect(decide(good, { ...without, [name]: [1] })).toEqual({ accepted: false, reason: 'unknown-label' });
    expect(decide({ ...good, label: 0.5 }, { ...without, maxLatentDistance: { 0.5: 9 } as never })).toMatchObject({ accepted: false });
  });

  it('takes a score that is below 0 by rounding', () => {
    expect(decide({ ...good, latentDistance: -1e-4 }, thresholds).accepted).toBe(true);
    expect(decide({ ...good, latentDistance: -2e-3 }, thresholds)).toEqual({ accepted: false, reason: 'not-finite' });
  });

  it('takes a class that is found only where no other explains the image nearly as well', () => {
    const rule = { keepAll: false, minMargin: 1.5 };
    const found = (runnerUpError?: number) => ({
      ...good,
      reconstructionError: 2,
      ...(runnerUpError === undefined ? {} : { runnerUpError }),
    });
    expect(decideReclassified(found(3), thresholds, rule)).toEqual({ accepted: true });
    for (const close of [2.9, 0, Number.NaN, undefined])
      expect(decideReclassified(found(close), thresholds, rule)).toEqual({ accepted: false, reason: 'ambiguous' });
    expect(decideReclassified(found(), thresholds, { ...rule, minMargin: 1 })).toEqual({ accepted: true });
    expect(decideReclassified(found(), thresholds, { ...rule, keepAll: true })).toEqual({ accepted: true });
  });

  it('refuses at a margin of 1 what another class explains better, less twice the prior; the paper does not ask', () => {
    const found = (runnerUpError: number) => ({ ...good, reconstructionError: 2, runnerUpError });
    const takes = (runnerUpError: number, minMargin: number) =>
      decideReclassified(found(runnerUpError), thresholds, { keepAll: false, minMargin }).accepted;
    expect([2, 1.9, 0, Number.NaN].map((error) => takes(error, 1))).toEqual([true, false, false, false]);
    expect([2, 1.9, 0].map((error) => takes(error, 0))).toEqual([true, true, true]);
  });

  it('has no rule with a margin of 1 or less for a search with the prior', () => {
    const search = { stages: [{ starts: 1, steps: 1 }], encoding: true, learningRate: 0.03, priorWeight: 100, encoderWeight: 20 };
    expect([0, 0.9, 1].map((margin) => marginProblem(margin, search))).toEqual(Array(3).fill(expect.stringContaining('above 1')));
    expect([1.001, 1.1, 100].map((margin) => marginProblem(margin, search))).toEqual([null, null, null]);
    expect([1, 1.1].map((margin) => marginProblem(margin, { ...search, priorWeight: 0 }))).toEqual([null, null]);
    expect(marginProblem(1, undefined)).toBeNull();
  });

  it('accepts a reclassified image in strict mode only below half way to a rival, unless all labels are kept', () => {
    const strict = { ...thresholds, maxRivalMargin: [0.7, 0.7] };
    const rule = { keepAll: false, minMargin: 1 };
    const of = (rivalMargin: number) => ({ ...good, rivalMargin });
    expect(decide(of(0.6), strict)).toEqual({ accepted: true });
    expect(decideReclassified(of(0.6), strict, rule)).toEqual({ accepted: false, reason: 'rival-margin' });
    expect(decideReclassified(of(0.49), strict, rule)).toEqual({ accepted: true });
    expect(decideReclassified(of(0.6), strict, { ...rule, keepAll: true })).toEqual({ accepted: true });
    for (const scores of [good, of(Number.NaN), of(Number.POSITIVE_INFINITY)])
      expect(decideReclassified(scores, strict, { ...rule, keepAll: true }).accepted).toBe(false);
  });

  it('keeps all reclassified labels only where asked', () => {
    const far = { ...good, latentDistance: 50 };
    expect(decideReclassified(far, thresholds, { keepAll: false, minMargin: 1 }).accepted).toBe(false);
    expect(decideReclassified(far, thresholds, { keepAll: true, minMargin: 5 }).accepted).toBe(true);
  });
});

describe('scores', () => {
  it('pValue reads the share of clean scores above', () => {
    expect(pValue(5, [0, 0.5, 1], [0, 10, 20])).toBeCloseTo(0.75, 12);
    const uneven = (score: number) => pValue(score, [0.1, 0.4, 1], [5, 10, 30]);
    for (const [score, expected] of [
      [-1, 0],
      [3, 0.9],
      [5, 0.9],
      [7, 0.78],
      [10, 0.6],
      [15, 0.45],
      [30, 0],
      [31, 0],
    ] as const)
      expect(uneven(score), `${score}`).toBeCloseTo(expected, 12);
    expect([pValue(21, [0, 1], [0, 20]), pValue(Number.NaN, [0, 1], [0, 20]), pValue(0, [0, 1], [0, 20])]).toEqual([0, 0, 1]);
  });

  it('relativeError of a blank image is its error over the offset', () => {
    const relativeError = (image: number[], relativeErrorOffset: number) =>
      withDerived({ reconstructionError: 2 }, Float32Array.from(image), { relativeErrorOffset }).relativeError;
    expect(relativeError([0, 0], 4)).toBe(0.5);
    expect(relativeError([1, 0.5], 0.75)).toBe(1);
  });

  it('latentDistance with a full covariance: hand-computed in two dimensions', () => {
    // Sigma = [[2, 1], [1, 2]], its inverse [[2, -1], [-1, 2]] / 3.
    const [precision] = precisionsOf(
      {
        kind: 'full',
        values: [
          [
            [2, 1],
            [1, 2],
          ],
        ],
      },
      2,
    );
    expect(latentDistance([2, 1], [1, 0], precision as number[][])).toBeCloseTo((2 - 2 + 2) / 3, 12);
    expect(() =>
      precisionsOf(
        {
          kind: 'full',
          values: [
            [
              [1, 2],
              [2, 1],
            ],
          ],
        },
        2,
      ),
    ).toThrow(/not positive definite/);
    expect(precisionsOf({ kind: 'spherical', values: [4] }, 2)).toEqual([
      [
        [0.25, 0],
        [0, 0.25],
      ],
    ]);
  });

  it('the label is the nearest mean, the first of equals', () => {
    const means = oneHotMeans(2, 3);
    expect(means).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect([nearestMean([0.4, 0.6, 9], means), nearestMean([0.5, 0.5, 0], means)]).toEqual([1, 0]);
    expect(squaredEuclidean([1, 2], [4, 6])).toBe(25);
    expect(() => oneHotMeans(3, 2)).toThrow(/need at least 3/);
    expect(oneHotMeans(2, 2)).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });
});

describe('scores from outputs', () => {
  const screening = { modelId: 'a', relativeErrorOffset: 1 };
  const image = new Float32Array([1, 1]);
  const outputs = (more: GraphOutputs = {}): GraphOutputs => ({
    label: { data: new BigInt64Array([1n]) },
    latent_distance: { data: new Float32Array([2]) },
    reconstruction_error: { data: new Float32Array([6]) },
    model_id: { data: ['a'] },
    ...more,
  });

  it('are those of each image, with the error relative to its energy', () => {
    const expected = { label: 1, latentDistance: 2, reconstructionError: 6, relativeError: 2 };
    expect(scoresFromOutputs('screen', outputs(), [image], screening)).toEqual([expected]);
    const margin = outputs({ runner_up_error: { data: new Float32Array([9]) } });
    expect(scoresFromOutputs('reclassify', margin, [image], screening)).toEqual([{ ...expected, runnerUpError: 9 }]);
  });

  it.each<[string, GraphOutputs]>([
    ['no label', { label: undefined }],
    ['labels of another type', { label: { data: new Float32Array([1]) } }],
    ['too few distances', { latent_distance: { data: new Float32Array(0) } }],
    ['too many errors', { reconstruction_error: { data: new Float32Array(2) } }],
  ])('with %s are never accepted', (_, more) => {
    const [scores] = scoresFromOutputs('screen', outputs(more), [image], screening);
    expect(decide(scores as Scores, { maxLatentDistance: [9, 9], maxReconstructionError: [9, 9] }).accepted).toBe(false);
  });

  it.each<[string, GraphOutputs, RegExp]>([
    ['another model', { model_id: { data: ['b'] } }, /answers for model b, not a/],
    ['no model', { model_id: undefined }, /must answer model_id as 1 values \(Array\)/],
    ['too few models', { model_id: { data: [] } }, /must answer model_id as 1 values/],
  ])('of %s are refused', (_, more, message) => {
    const read = () => scoresFromOutputs('reclassify', outputs(more), [image], screening);
    expect(read).toThrow(OutputError);
    expect(read).toThrow(message);
    // The screening graph does not say its model.
    expect(scoresFromOutputs('screen', outputs(more), [image], screening)).toHaveLength(1);
  });
});

it('a batch is divided into its images without a copy', () => {
  const batch = Float32Array.from({ length: 24 }, (_, i) => i);
  const images = imagesOf(batch, { height: 2, width: 2, channels: 3 });
  expect(images.map((image) => [...image])).toEqual([[...batch.slice(0, 12)], [...batch.slice(12)]]);
  expect(images.every(({ buffer }) => buffer === batch.buffer)).toBe(true);
});

it('the offset of the relative error is half a per cent of a white image', () => {
  expect(defaultRelativeErrorOffset(28 * 28)).toBeCloseTo(3.92, 12);
});

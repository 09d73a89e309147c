import { expect, it } from 'vitest';
import { perScore, perThreshold, SCORE_NAMES, SCORES, testedScores } from '../../shared/score-table.ts';

const required = { maxLatentDistance: [1], maxReconstructionError: [1] };

it('names no score, threshold, reason, title or output twice, and none like a reason of another kind', () => {
  const rows = SCORE_NAMES.map((name) => SCORES[name]);
  const outputs = rows.flatMap(({ from }) => (typeof from === 'string' ? [from] : []));
  for (const names of [rows.map((row) => row.threshold), rows.map((row) => row.reason), rows.map((row) => row.title), outputs])
    expect(new Set(names).size).toBe(names.length);
  const taken = ['label', 'latent', 'reconstruction', 'not-finite', 'unknown-label', 'ambiguous'];
  expect([...SCORE_NAMES, ...outputs, ...rows.map((row) => row.reason)].filter((name) => taken.includes(name))).toEqual([]);
});

it("tests the paper's two scores always, and an optional one where the bundle has thresholds for it, in the order of the table", () => {
  expect(testedScores(required)).toEqual(['latentDistance', 'reconstructionError']);
  expect(testedScores({ maxRelativeError: [1], ...required })).toEqual(['latentDistance', 'reconstructionError', 'relativeError']);
});

it('keeps the names that bundles, clients and evaluations know', () => {
  expect(perScore(1, 2)).toMatchObject({ latentDistance: 1, reconstructionError: 1, relativeError: 2 });
  expect(perThreshold(1, 2)).toMatchObject({ maxLatentDistance: 1, maxReconstructionError: 1, maxRelativeError: 2 });
});

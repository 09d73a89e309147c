import { expect, it } from 'vitest';
import {
  accepted,
  acceptedRight,
  asTarget,
  both,
  type Criterion,
  either,
  misclassified,
  not,
  pipelineRight,
  pipelineWrong,
  reclassified,
  reclassifiedRight,
  reclassifiedWrong,
  undetected,
} from '../../evaluate/measure/outcome.ts';
import { made } from './made-results.ts';

const found = (label: number, kept = true, keptByPaper = true) => ({ reclassified: { label, kept, keptByPaper } });
/** All are zeros; a wrong one is taken for a three. */
const outcomes = {
  right: made(0, 'right'),
  wrong: made(0, 'wrong', { target: 3 }),
  'wrong, not as wanted': made(0, 'wrong', { target: 5 }),
  rejected: made(0, 'rejected'),
  'rejected, nearest to another': made(0, 'rejected', { label: 3, target: 3 }),
  'found again': made(0, 'rejected', found(0)),
  'found wrongly': made(0, 'rejected', found(3)),
  'found wrongly, by the paper alone': made(0, 'rejected', found(3, false)),
  'found wrongly, beyond the thresholds': made(0, 'rejected', found(3, false, false)),
};
const those = (criterion: Criterion) =>
  Object.entries(outcomes)
    .filter(([, outcome]) => criterion(outcome))
    .map(([name]) => name);

it('each says what it says', () => {
  expect(those(accepted)).toEqual(['right', 'wrong', 'wrong, not as wanted']);
  expect(those(misclassified)).toEqual(['wrong', 'wrong, not as wanted', 'rejected, nearest to another']);
  expect(those(acceptedRight)).toEqual(['right']);
  expect(those(undetected)).toEqual(['wrong', 'wrong, not as wanted']);
  expect(those(asTarget)).toEqual(['wrong', 'rejected, nearest to another']);
  expect(those(reclassifiedRight('kept'))).toEqual(['found again']);
  expect(those(reclassifiedWrong('kept'))).toEqual(['found wrongly']);
  expect(those(reclassifiedWrong('keptByPaper'))).toEqual(['found wrongly', 'found wrongly, by the paper alone']);
  expect(those(pipelineRight('kept'))).toEqual(['right', 'found again']);
  expect(those(pipelineWrong('keepAll'))).toEqual([
    ...['wrong', 'wrong, not as wanted', 'found wrongly'],
    ...['found wrongly, by the paper alone', 'found wrongly, beyond the thresholds'],
  ]);
});

it('they compose', () => {
  expect(those(both(undetected, asTarget))).toEqual(['wrong']);
  expect(those(both(not(accepted), misclassified))).toEqual(['rejected, nearest to another']);
  expect(those(either(acceptedRight, reclassified('kept')))).toEqual(['right', 'found again', 'found wrongly']);
  expect(those(both())).toEqual(Object.keys(outcomes));
  expect(those(either())).toEqual([]);
});

it('under every rule what is tried is right, wrong or still rejected', () => {
  for (const rule of ['kept', 'keptByPaper', 'keepAll'] as const)
    for (const outcome of Object.values(outcomes)) {
      const still = both(not(accepted), not(reclassified(rule)));
      expect([pipelineRight(rule), pipelineWrong(rule), still].filter((criterion) => criterion(outcome))).toHaveLength(1);
    }
});

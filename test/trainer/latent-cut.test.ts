import { expect, it } from 'vitest';
import { notesOnCut } from '../../trainer/latent-cut.ts';
import { OUTLIER_LOSSES } from '../../trainer/presets.ts';

const config = (outlierLoss: keyof typeof OUTLIER_LOSSES, outliers = 0.5) => ({
  classes: ['cat', 'dog'],
  training: { outliers, outlierLoss: OUTLIER_LOSSES[outlierLoss] },
});
/** Squared distances of .5 and 1 at the cut, against a margin of .9. */
const calibrated = {
  means: [
    [1, 0],
    [0, 1],
  ],
  covariances: {
    kind: 'diagonal' as const,
    values: [
      [0.02, 0.08],
      [0.05, 0.05],
    ],
  },
  thresholds: { maxLatentDistance: [10, 20], maxReconstructionError: [1, 1] },
};

it('a cut near the margin, or beyond it, is warned of by class', () => {
  expect(notesOnCut(config('margin'), calibrated)).toEqual([expect.stringMatching(/of 1 of 2 classes .* \(0\.9\): dog 1\.00\. /)]);
  expect(notesOnCut(config('margin'), { ...calibrated, thresholds: { ...calibrated.thresholds, maxLatentDistance: [10, 16] } })).toEqual(
    [],
  );
});

it('without a margin, or without outliers, there is nothing to warn of', () => {
  expect(notesOnCut(config('origin'), calibrated)).toEqual([]);
  expect(notesOnCut(config('margin', 0), calibrated)).toEqual([]);
});

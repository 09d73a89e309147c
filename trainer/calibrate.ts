import { z } from 'zod';
import type { Calibration, Covariances, Thresholds } from '../shared/bundle/screening-schema.ts';
import { conformalThresholds, rankFor } from '../shared/calibration/conformal.ts';
import { QUANTILE_LEVELS, quantileTable } from '../shared/calibration/order-statistic.ts';
import { THREE_SIGMA, threeSigmaThresholds } from '../shared/calibration/three-sigma.ts';
import { decide } from '../shared/decision/decide.ts';
import { nearestMean, oneHotMeans } from '../shared/decision/latent-space.ts';
import { defaultRelativeErrorOffset, type Scores } from '../shared/decision/scores.ts';
import { estimateCovariances } from './covariances.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { encodeAt, scoresOf } from './encode.ts';
import type { Model } from './model/build-model.ts';

/** The options of calibration. A run's config keeps them, so that a resumed run is calibrated as it was begun. */
export const calibrationOptionsSchema = z.strictObject({
  method: z.enum(['conformal', 'three-sigma']),
  guarantee: z.enum(['marginal', 'per-class']),
  alpha: z.number().gt(0).lt(1),
  delta: z.number().gt(0).lt(1),
  covariance: z.enum(['diagonal', 'spherical', 'full']),
});

export type CalibrationOptions = z.infer<typeof calibrationOptionsSchema>;

export const defaultCalibration: CalibrationOptions = {
  method: 'conformal',
  guarantee: 'marginal',
  alpha: 0.015,
  delta: 0.05,
  // With one variance a class, a direction in which it is often confused stays as suspicious as any other: fewer mistakes and attacks are
  // accepted than with `diagonal` (bench/covariance.ts).
  covariance: 'spherical',
};

/** Everything that calibration adds to a trained model. */
export interface Calibrated {
  means: number[][];
  covariances: Covariances;
  relativeErrorOffset: number;
  thresholds: Thresholds;
  calibration: Calibration;
}

/**
 * Calibrates a model: estimates covariances on the validation and tune splits (training images are encoded more tightly than new ones), then
 * sets thresholds, `conformal` on tune and calibration, `three-sigma` on tune.
 *
 * @param labelled false where training was semi-supervised: then no label is read, the nearest mean takes its place
 * @throws the signal's reason, where it is aborted
 */
export async function calibrate(
  model: Model,
  dataset: Dataset,
  splits: Splits,
  options: CalibrationOptions,
  labelled = true,
  signal?: AbortSignal,
): Promise<Calibrated> {
  const { input } = dataset;
  const latentDim = (model.encoder.outputs[0]?.shape[1] ?? 0) as number;
  const means = oneHotMeans(dataset.classes.length, latentDim);
  const relativeErrorOffset = defaultRelativeErrorOffset(input.height * input.width * input.channels);
  const encodings = (split: number[]) => encodeAt(model, dataset.train, split, input, relativeErrorOffset, signal);
  const validation = await encodings(splits.validation);
  const tune = await encodings(splits.tune);
  const calibration = await encodings(splits.calibration);
  const latents = [...validation, ...tune].map(({ latent }) => latent);
  const labels = labelled
    ? labelsAt(dataset.train, [...splits.validation, ...splits.tune])
    : latents.map((latent) => nearestMean(latent, means));
  const covariances = estimateCovariances(latents, labels, means, options.covariance);
  const scores = { tune: scoresOf(tune, means, covariances), calibration: scoresOf(calibration, means, covariances) };
  return { means, covariances, relativeErrorOffset, ...thresholdsFor(scores, dataset.classes.length, latentDim, options) };
}

/**
 * Checks that there are enough calibration images for the guarantee, as far as that is known without a model: for `per-class` by the true
 * classes.
 *
 * @throws RangeError with the number of images needed
 */
export function checkGuarantee(dataset: Dataset, splits: Splits, { method, guarantee, alpha, delta }: CalibrationOptions): void {
  if (method !== 'conformal') return;
  const labels = labelsAt(dataset.train, splits.calibration);
  const counts = dataset.classes.map((_, y) => labels.filter((label) => label === y).length);
  if (guarantee === 'marginal') rankFor(labels.length, '', { alpha, delta, guarantee });
  else counts.forEach((count, y) => void rankFor(count, ` of class ${y}`, { alpha, delta, guarantee }));
}

/** Sets the thresholds, and describes them, from the scores of the two splits. */
export function thresholdsFor(
  scores: { tune: Scores[]; calibration: Scores[] },
  classes: number,
  latentDim: number,
  options: CalibrationOptions,
): Pick<Calibrated, 'thresholds' | 'calibration'> {
  const { method, guarantee, alpha, delta } = options;
  const conformal = method === 'conformal';
  const byClass = (sample: Scores[], name: 'latentDistance' | 'reconstructionError') =>
    Array.from({ length: classes }, (_, y) => sample.filter(({ label }) => label === y).map((score) => score[name]));
  const thresholds = conformal
    ? conformalThresholds(scores.tune, scores.calibration, { classes, alpha, delta, guarantee })
    : threeSigmaThresholds(
        byClass(scores.tune, 'reconstructionError'),
        scores.tune.map((score) => score.reconstructionError),
        latentDim,
      );
  const calibration: Calibration = {
    method,
    guarantee: conformal ? guarantee : 'none',
    alpha: conformal ? alpha : 1 - THREE_SIGMA,
    delta: conformal ? delta : null,
    n: scores.calibration.length,
    rejected: scores.calibration.filter((score) => !decide(score, thresholds).accepted).length,
    quantiles: {
      levels: QUANTILE_LEVELS,
      latentDistance: quantileTable(byClass(scores.calibration, 'latentDistance')),
      reconstructionError: quantileTable(byClass(scores.calibration, 'reconstructionError')),
    },
  };
  return { thresholds, calibration };
}

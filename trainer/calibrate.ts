import type { Calibration, Guarantee, Screening } from '../shared/bundle/screening-schema.ts';
import { conformalThresholds, type KeptThresholds, rankFor } from '../shared/calibration/conformal.ts';
import { QUANTILE_LEVELS, quantileTable } from '../shared/calibration/order-statistic.ts';
import { strictCaps } from '../shared/calibration/strict-caps.ts';
import { THREE_SIGMA, threeSigmaThresholds } from '../shared/calibration/three-sigma.ts';
import { decide } from '../shared/decision/decide.ts';
import { nearestMean, oneHotMeans } from '../shared/decision/latent-space.ts';
import { defaultRelativeErrorOffset, type Scores } from '../shared/decision/scores.ts';
import { OPTIONAL_SCORES, type OptionalScore, type ScoreName, testedScores } from '../shared/score-table.ts';
import { UsageError } from '../shared/user-error.ts';
import { areShared, estimateCovariances } from './covariances.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import { folderFor, type Splits } from './data/splits.ts';
import { encodeAt, scoresOf } from './encode.ts';
import type { Model } from './model/build-model.ts';
import type { Calibrated } from './run.ts';
import type { CalibrationChoices, CalibrationOptions } from './run-config.ts';

/**
 * Calibrates a model: estimates covariances on the validation and tune splits (training images are encoded more tightly than new ones),
 * then sets thresholds, `conformal` on tune and calibration, `three-sigma` on tune.
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
  const { train, input, classes } = dataset;
  const latentDim = (model.encoder.outputs[0]?.shape[1] ?? 0) as number;
  const means = oneHotMeans(classes.length, latentDim);
  const relativeErrorOffset = defaultRelativeErrorOffset(input.height * input.width * input.channels);
  const promised = options.strict ? { guarantee: options.strict } : {};
  const settings = { means, relativeErrorOffset, scores: scoresTested(options.scores, promised), ...promised };
  const encode = (split: number[]) => encodeAt(model, train, split, input, settings, signal);
  const [validation, tune, calibration] = [await encode(splits.validation), await encode(splits.tune), await encode(splits.calibration)];
  const latents = [...validation, ...tune].map(({ latent }) => latent);
  const labels = labelled ? labelsAt(train, [...splits.validation, ...splits.tune]) : latents.map((latent) => nearestMean(latent, means));
  const covariances = estimateCovariances(latents, labels, means, options.covariance);
  const scores = { tune: scoresOf(tune, means, covariances), calibration: scoresOf(calibration, means, covariances) };
  const set = thresholdsFor(scores, { classes, latentDim, covariances, ...promised }, options);
  return { means, covariances, relativeErrorOffset, ...promised, ...set };
}

/**
 * Checks that there are enough calibration images for the guarantee, as far as that is known without a model: for `per-class` by the true
 * classes.
 *
 * @throws RangeError with the number of images needed
 */
export function checkGuarantee(dataset: Dataset, splits: Splits, { method, guarantee, alpha, delta }: CalibrationChoices): void {
  if (method !== 'conformal') return;
  const labels = labelsAt(dataset.train, splits.calibration);
  const options = { alpha, delta, guarantee };
  if (guarantee === 'marginal') rankFor(labels.length, '', options, folderFor);
  else
    for (const [y, name] of dataset.classes.entries())
      rankFor(labels.filter((label) => label === y).length, ` of class ${name}`, options, folderFor);
}

/** Returns the optional scores that are tested: those that were chosen, and that of strict mode. */
export function scoresTested(chosen: readonly OptionalScore[], { guarantee }: { guarantee?: Guarantee | undefined }): OptionalScore[] {
  return OPTIONAL_SCORES.filter((name) => (name === 'rivalMargin' ? guarantee !== undefined : chosen.includes(name)));
}

/**
 * Sets the thresholds, and describes them, from the scores of the two splits. With a guarantee they keep it.
 *
 * @throws RangeError as `conformalThresholds` and `strictCaps` do; UsageError for a guarantee with the three-sigma method
 */
export function thresholdsFor(
  scores: { tune: Scores[]; calibration: Scores[] },
  { classes, latentDim, covariances, guarantee: promised }: Pick<Screening, 'classes' | 'latentDim' | 'covariances' | 'guarantee'>,
  options: Omit<CalibrationOptions, 'covariance' | 'strict'>,
  kept?: KeptThresholds,
): Pick<Calibrated, 'thresholds' | 'calibration'> {
  const { method, guarantee, alpha, delta } = options;
  const conformal = method === 'conformal';
  if (promised && !conformal) throw new UsageError('strict mode needs --calibration conformal');
  const byClass = (sample: Scores[], name: ScoreName) =>
    classes.map((_, y) => sample.filter(({ label }) => label === y).map((score) => score[name] ?? Number.NaN));
  const thresholds = conformal
    ? conformalThresholds(scores.tune, scores.calibration, {
        ...{ classes, alpha, delta, guarantee, scores: scoresTested(options.scores, { guarantee: promised }) },
        ...(promised ? { caps: strictCaps(scores.tune, covariances) } : {}),
        ...(areShared(covariances) ? { common: ['latentDistance' as const] } : {}),
        ...(kept ? { kept } : {}),
      })
    : threeSigmaThresholds(
        byClass(scores.tune, 'reconstructionError'),
        scores.tune.map((score) => score.reconstructionError),
        latentDim,
      );
  const tables = testedScores(thresholds).map((name) => [name, quantileTable(byClass(scores.calibration, name))]);
  const calibration: Calibration = {
    method,
    guarantee: conformal ? guarantee : 'none',
    alpha: conformal ? alpha : 1 - THREE_SIGMA,
    delta: conformal ? delta : null,
    n: scores.calibration.length,
    rejected: scores.calibration.filter((score) => !decide(score, thresholds).accepted).length,
    quantiles: { levels: QUANTILE_LEVELS, ...(Object.fromEntries(tables) as Omit<Calibration['quantiles'], 'levels'>) },
  };
  return { thresholds, calibration };
}

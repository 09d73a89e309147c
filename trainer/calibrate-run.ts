import { type CalibrationOptions, calibrate } from './calibrate.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { encodeAt, scoresOf } from './encode.ts';
import type { Model } from './model/build-model.ts';
import { type Outcomes, outcomesOf } from './outcomes.ts';
import { type Run, saveCalibration, saveOutcomes } from './run.ts';

/**
 * Sets the thresholds of a trained run, in place of those it has.
 *
 * @param split the images whose outcomes are saved and returned: `test`, or `validation` while options are still being chosen (covariances are
 *   estimated on those too, so the outcomes on them are slightly better than on new images)
 * @throws the signal's reason, where it is aborted
 */
export async function calibrateRun(
  run: Run,
  model: Model,
  dataset: Dataset,
  splits: Splits,
  options: CalibrationOptions,
  split: 'test' | 'validation',
  signal?: AbortSignal,
): Promise<Outcomes> {
  const calibrated = await calibrate(model, dataset, splits, options, run.config.training.labelsPerClass === null, signal);
  run.config.calibration = options;
  await saveCalibration(run, calibrated);
  const images = split === 'test' ? dataset.test : dataset.train;
  const encodings = await encodeAt(model, images, splits[split], dataset.input, calibrated.relativeErrorOffset, signal);
  const scores = scoresOf(encodings, calibrated.means, calibrated.covariances);
  const outcomes = outcomesOf(scores, labelsAt(images, splits[split]), calibrated.thresholds);
  await saveOutcomes(run, split, outcomes);
  return outcomes;
}

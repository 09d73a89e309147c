import { type CalibrationOptions, calibrate } from './calibrate.ts';
import { type Dataset, imagesAt, labelsAt } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { encode, scoresOf } from './encode.ts';
import type { Model } from './model/build-model.ts';
import { type Outcomes, outcomesOf } from './outcomes.ts';
import { type Run, saveCalibration } from './run.ts';

/**
 * Thresholds for a trained run, kept in it in place of those it had.
 *
 * @returns the outcomes on the test split
 */
export async function calibrateRun(
  run: Run,
  model: Model,
  dataset: Dataset,
  splits: Splits,
  options: CalibrationOptions,
): Promise<Outcomes> {
  const calibrated = calibrate(model, dataset, splits, options);
  await saveCalibration(run, calibrated);
  const encodings = encode(model, imagesAt(dataset.test, splits.test), dataset.input, calibrated.relativeErrorOffset);
  const scores = scoresOf(encodings, calibrated.means, calibrated.covariances);
  return outcomesOf(scores, labelsAt(dataset.test, splits.test), calibrated.thresholds);
}

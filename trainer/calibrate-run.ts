import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CalibrationOptions, calibrate } from './calibrate.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { encodeAt, scoresOf } from './encode.ts';
import type { Model } from './model/build-model.ts';
import { type Outcomes, outcomesOf } from './outcomes.ts';
import { type Run, saveCalibration } from './run.ts';
import { saveOutcomes } from './run-outcomes.ts';

/**
 * Thresholds for a trained run, kept in it in place of those it had.
 *
 * @param report the images whose outcomes are returned: `test`, or `validation` while one is still choosing (the covariances
 *   are estimated on those too, so the outcomes on them are a little better than on new images)
 * @throws the signal's reason, where it is aborted
 */
export async function calibrateRun(
  run: Run,
  model: Model,
  dataset: Dataset,
  splits: Splits,
  options: CalibrationOptions,
  report: 'test' | 'validation',
  signal?: AbortSignal,
): Promise<Outcomes> {
  const calibrated = await calibrate(model, dataset, splits, options, run.config.training.labelsPerClass === null, signal);
  run.config.calibration = options;
  // They would be about other thresholds; before those are there, so that a kill between leaves no wrong figure.
  for (const file of ['report.html', 'outcomes.json']) await rm(join(run.directory, file), { force: true });
  await saveCalibration(run, calibrated);
  const from = report === 'test' ? dataset.test : dataset.train;
  const encodings = await encodeAt(model, from, splits[report], dataset.input, calibrated.relativeErrorOffset, signal);
  const scores = scoresOf(encodings, calibrated.means, calibrated.covariances);
  const outcomes = outcomesOf(scores, labelsAt(from, splits[report]), calibrated.thresholds);
  await saveOutcomes(run, report, outcomes);
  return outcomes;
}

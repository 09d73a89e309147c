import { calibrate, scoresTested } from './calibrate.ts';
import { imagesInLight } from './data/augment-light.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { encodeAt, scoresOf } from './encode.ts';
import { measureLeftOut } from './measure-left-out.ts';
import { measureUnknown } from './measure-unknown.ts';
import { measure, saveMeasured } from './measured.ts';
import type { Model } from './model/build-model.ts';
import type { Outcomes } from './outcomes.ts';
import { ownUnknownOf } from './own-unknown.ts';
import { type Run, saveCalibration } from './run.ts';
import type { CalibrationOptions } from './run-config.ts';

/**
 * Sets the thresholds of a trained run, in place of those it has. A run that was trained in changing light (`--augment light`) is
 * calibrated on images that are changed in the same way, so that its promise holds for such images.
 *
 * @param split the images whose outcomes are saved and returned: `test`, or `validation` while options are still being chosen (covariances
 *   are estimated on those too, so the outcomes on them are slightly better than on new images)
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
  const { light, labelsPerClass } = run.config.training;
  const train = light ? imagesInLight(dataset.train, dataset.input, light, run.config.seed) : dataset.train;
  const inLight = { ...dataset, train };
  const calibrated = await calibrate(model, inLight, splits, options, labelsPerClass === null, signal);
  run.config.calibration = options;
  await saveCalibration(run, calibrated);
  const images = split === 'test' ? dataset.test : dataset.train;
  const settings = { ...calibrated, scores: scoresTested(options.scores, calibrated) };
  const encodings = await encodeAt(model, images, splits[split], dataset.input, settings, signal);
  const scores = scoresOf(encodings, calibrated.means, calibrated.covariances);
  const measured = measure(split, { scores, labels: labelsAt(images, splits[split]), indices: splits[split] }, dataset, calibrated);
  const { outliers, outlierKinds } = run.config.training;
  const trainedOn = outliers > 0 ? Object.keys(outlierKinds) : [];
  // Without its folder a run can still be finished; these images are then not measured.
  const own = (await ownUnknownOf(run, dataset).catch(() => null))?.[split] ?? null;
  const sources = { split, splits, seed: run.config.seed, trainedOn, own: own && own.count > 0 ? own : null, signal };
  const unknown = await measureUnknown(model, dataset, calibrated, sources);
  const leftOut = await measureLeftOut(run, inLight, splits, options, split, signal);
  await saveMeasured(run, { ...measured, unknown: [...unknown, ...leftOut] });
  return measured.outcomes;
}

import { LEFT_OUT } from '../shared/bundle/evidence-names.ts';
import { randomFrom } from '../shared/random.ts';
import { calibrate, scoresTested } from './calibrate.ts';
import type { Dataset } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { encodeAt, scoresOf } from './encode.ts';
import { withoutClasses } from './left-out.ts';
import { outcomesOf, type UnknownFigure } from './outcomes.ts';
import type { Run } from './run.ts';
import type { CalibrationOptions } from './run-config.ts';
import { loadLeftOut, readLeftOut } from './train-left-out.ts';

/** Images of a class. */
const MOST = 500;

/**
 * Measures how many images of each class that was left out a run's small model accepts, under thresholds for the same promise. It never
 * saw any image of these classes: so `validation` takes those that the run itself was trained on, `test` all others.
 *
 * @param dataset its training images in the light in which the run is calibrated
 * @returns no figure where the run has no such model, or too few calibration images without the classes
 * @throws the signal's reason, where it is aborted
 */
export async function measureLeftOut(
  run: Run,
  dataset: Dataset,
  splits: Splits,
  options: CalibrationOptions,
  split: 'test' | 'validation',
  signal?: AbortSignal,
): Promise<UnknownFigure[]> {
  const leftOut = await readLeftOut(run);
  if (!leftOut) return [];
  const [model, { classes }] = [await loadLeftOut(run), leftOut];
  const others = withoutClasses(dataset, splits, classes);
  const labelled = run.config.training.labelsPerClass === null;
  const calibrated = await calibrate(model, others.dataset, others.splits, options, labelled, signal).catch((error) => {
    if (error instanceof RangeError) return null;
    throw error;
  });
  if (!calibrated) return [];
  const settings = { ...calibrated, scores: scoresTested(options.scores, calibrated) };
  const { train, test, input } = dataset;
  const random = randomFrom(run.config.seed, 'left out');
  const unused = [...splits.validation, ...splits.tune, ...splits.calibration];
  const parts = {
    validation: [{ images: train, indices: splits.train }],
    test: [
      { images: test, indices: splits.test },
      { images: train, indices: unused },
    ],
  };
  const figures: UnknownFigure[] = [];
  for (const y of classes) {
    let [count, accepted] = [0, 0];
    for (const { images, indices } of parts[split]) {
      const own = random.shuffle(indices.filter((i) => images.labels[i] === y)).slice(0, MOST - count);
      const encodings = await encodeAt(model, images, own, input, settings, signal);
      const scores = scoresOf(encodings, calibrated.means, calibrated.covariances);
      const outcomes = outcomesOf(scores, new Array<number>(scores.length).fill(-1), calibrated.thresholds);
      [count, accepted] = [count + outcomes.images, accepted + outcomes.images - outcomes.rejected];
    }
    const name = dataset.classes[y] as string;
    if (count > 0)
      figures.push({
        kind: `${LEFT_OUT}${name}`,
        about: `class ${name}, left out of a small model`,
        images: count,
        accepted,
        trainedOn: false,
      });
  }
  return figures;
}

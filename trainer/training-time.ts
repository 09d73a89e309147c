import { randomFrom } from '../shared/random.ts';
import { useBackend } from './backend/backends.ts';
import { batches, batchesIn, largestBatch, trainingImages } from './data/batches.ts';
import { type Dataset, labelsAt } from './data/dataset.ts';
import { openBatchGradients } from './gradient/batch-gradients.ts';
import { parametersOf } from './gradient/parameters.ts';
import { buildModel } from './model/build-model.ts';
import { type PresetName, trainingFor } from './presets.ts';

/** Steps that are timed, after one that warms up. */
const STEPS = 2;

/**
 * Guesses how long a training takes on this machine: the time of a step, measured on the fastest backend, times the number of steps.
 *
 * @param indices of the training images
 * @returns seconds, without the validations and the end of the training
 */
export async function guessTrainingSeconds(
  { train, classes, input }: Dataset,
  indices: readonly number[],
  preset: PresetName,
): Promise<number> {
  const training = trainingFor(preset, { input, classes }, labelsAt(train, indices));
  const random = randomFrom(1, 'time');
  const images = trainingImages(train, input, classes.length, indices, training, random);
  const backend = await useBackend('auto');
  const model = buildModel(training.architecture, input, 1);
  const setting = { input, classes: classes.length, training };
  const gradients = await openBatchGradients(model, parametersOf(model), setting, largestBatch(training), backend);
  try {
    const [first] = batches(images, training, random);
    if (!first) throw new RangeError('there are no training images');
    const rows = { ...first.rows(), unlabelledWeight: 1, radiusScale: 1 };
    let started = 0;
    for (let step = 0; step <= STEPS; step++) {
      if (step === 1) started = performance.now();
      const { gradient } = await gradients.of(rows);
      gradient.dataSync();
      gradient.dispose();
    }
    return ((performance.now() - started) / 1000 / STEPS) * training.epochs * batchesIn(images, training.batchSize);
  } finally {
    await gradients.close();
  }
}

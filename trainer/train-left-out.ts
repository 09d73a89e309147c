import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonOrNull, writeAtomically } from '../node/files/files.ts';
import { randomFrom } from '../shared/random.ts';
import { UserError } from '../shared/user-error.ts';
import { adam } from './adam.ts';
import { type Backend, withSynchronousBackend } from './backend/backends.ts';
import { largestBatch, trainingImages } from './data/batches.ts';
import type { Dataset, LabelledImages } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { fit, type Step } from './fit.ts';
import { openBatchGradients } from './gradient/batch-gradients.ts';
import { copyParameters, parametersOf } from './gradient/parameters.ts';
import { chooseLeftOut, smallTraining, withoutClasses } from './left-out.ts';
import { buildModel, type Model } from './model/build-model.ts';
import { loadModel, saveModel } from './model/save-model.ts';
import type { Run } from './run.ts';

/** `left-out/left-out.json`, written once its model is saved: what the small model was trained without, and for how long. */
const leftOutSchema = z.strictObject({ classes: z.array(z.int().nonnegative()).min(1), steps: z.int().positive() });

const folderOf = ({ directory }: Run) => join(directory, 'left-out');

/** Returns what a run's small model was trained without, as class indices, and for how long; null where there is no such model. */
export async function readLeftOut(run: Run): Promise<z.infer<typeof leftOutSchema> | null> {
  const text = await readFile(join(folderOf(run), 'left-out.json'), 'utf8').catch(() => 'null');
  return leftOutSchema.safeParse(parseJsonOrNull(text)).data ?? null;
}

/** Loads a run's small model. @throws DataError where it is missing or damaged */
export const loadLeftOut = (run: Run): Promise<Model> => loadModel(join(folderOf(run), 'model'));

export const removeLeftOut = (run: Run) => rm(folderOf(run), { recursive: true, force: true });

interface LeftOutOptions {
  /** The user's own unknown images to train on, or null. */
  own: LabelledImages | null;
  signal?: AbortSignal | undefined;
  /** @param names of the classes that are left out */
  onLeftOut?: ((step: Step, names: string[]) => void) | undefined;
  /** Says why no class was left out. */
  onNote?: ((note: string) => void) | undefined;
}

/**
 * Trains a small model without a sample of the run's classes (`left-out.ts`), and keeps it with the run. A run is none the worse if that
 * fails: then it says why.
 *
 * @returns false where it was aborted
 */
export async function trainLeftOut(
  run: Run,
  dataset: Dataset,
  splits: Splits,
  backend: Backend,
  options: LeftOutOptions,
): Promise<boolean> {
  const note = (why: string) => {
    options.onNote?.(`no class was left out to measure how images like yours get in: ${why}`);
    return true;
  };
  if (dataset.classes.length < 3) return note('of two classes only one would be left; three are needed');
  const leftOut = chooseLeftOut(dataset, splits, run.config);
  if (leftOut.length === 0) return note('without them there are too few calibration images for so small an alpha');
  try {
    return await trainWithout(leftOut, run, dataset, splits, backend, options);
  } catch (error) {
    if (error instanceof UserError) return note(error.message);
    throw error;
  }
}

async function trainWithout(
  leftOut: number[],
  run: Run,
  dataset: Dataset,
  splits: Splits,
  backend: Backend,
  { own, signal, onLeftOut }: LeftOutOptions,
): Promise<boolean> {
  const { seed } = run.config;
  const others = withoutClasses(dataset, splits, leftOut);
  const { training, train } = smallTraining(run.config, splits.train.length, others);
  const [classes, { input }] = [others.dataset.classes.length, dataset];
  const model = buildModel(training.architecture, input, seed);
  const parameters = parametersOf(model);
  const averaged = await withSynchronousBackend(backend, () => buildModel(training.architecture, input, seed));
  const optimizer = adam(parameters, { beta2: training.adamBeta2, averageDecay: training.averageDecay });
  const images = trainingImages(others.dataset.train, input, classes, train, training, randomFrom(seed, 'labels'), own);
  const gradients = await openBatchGradients(model, parameters, { input, classes, training }, largestBatch(training), backend);
  const names = leftOut.map((y) => dataset.classes[y] as string);
  let steps = 0;
  try {
    const ended = await fit(images, training, {
      ...{ seed, optimizer, gradients, from: null, signal, secondsBetweenCheckpoints: Number.POSITIVE_INFINITY },
      onStep: async (step) => {
        steps = step.step;
        onLeftOut?.(step, names);
        // The event loop sees a signal (Ctrl-C) only when it gets a turn.
        await new Promise((resolve) => setImmediate(resolve));
      },
      onEpoch: async () => null,
      onCheckpoint: async () => {},
    });
    if (!ended) return false;
    await copyParameters(backend, optimizer.average(), parametersOf(averaged));
  } finally {
    await gradients.close();
    optimizer.dispose();
  }
  await removeLeftOut(run);
  await saveModel(join(folderOf(run), 'model'), averaged);
  await writeAtomically(join(folderOf(run), 'left-out.json'), JSON.stringify({ classes: leftOut, steps }));
  return true;
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { recoverFolder } from '../node/files/replace-folder.ts';
import { UsageError } from '../shared/user-error.ts';
import { useBackend, useBackendAgain } from './backend/backends.ts';
import { checkGuarantee } from './calibrate.ts';
import { loadTrained, openRun, type Run, RunError, readMetrics, readSplits, writeConfig } from './run.ts';
import type { RunConfig } from './run-config.ts';
import { openDatasetOf } from './run-images.ts';
import { checkpointOf, finish, leaveOut, type Trained, type TrainingOptions, trainRun } from './train.ts';

interface ResumeOptions extends TrainingOptions {
  /** Epochs in all, in place of those that were planned; more than were done. */
  epochs?: number;
}

/**
 * Resumes a run that was stopped or killed, from its last checkpoint; the result is the one that it would have had. A run that was killed
 * after its last epoch is calibrated, with the options that it was started with. With another number of epochs it is trained further, also
 * where it was finished: the learning rate from then on is that of the new plan.
 *
 * @throws RunError where it is calibrated already; UsageError where it has that many epochs; BackendError where its kind of backend is not
 *   available; DataError where its images are missing or damaged
 */
export async function resumeTraining(options: ResumeOptions): Promise<Trained> {
  const run = await openRun(options.name, options.runs);
  const { name, status, epochs: done } = run.config;
  const isTrained = status === 'trained' || status === 'calibrated';
  if (options.epochs === undefined && isTrained) return finishTraining(options);
  if (options.epochs !== undefined && options.epochs <= done)
    throw new UsageError(`run ${name} has ${done} epochs already; --epochs ${options.epochs} must be more, as it counts them all`);
  const checkpoint = checkpointOf(run);
  await recoverFolder(checkpoint);
  if (isTrained && !existsSync(checkpoint))
    throw new RunError(
      `run ${name} has no checkpoint, as it was finished by an older version or ${checkpoint} was removed. Train a new run.`,
    );
  const backend = await useBackendAgain(run.config);
  const { dataset, splits } = await openData(run, options);
  if (options.epochs !== undefined) planAnew(run.config, options.epochs);
  return trainRun(run, dataset, splits, options, backend);
}

/** Opens a run's images, with their splits, which must suffice for the run's guarantee. */
async function openData(run: Run, options: TrainingOptions) {
  const dataset = await openDatasetOf(run, options);
  options.onDataset?.(dataset);
  const splits = await readSplits(run);
  checkGuarantee(dataset, splits, run.config.calibration);
  return { dataset, splits };
}

/** Sets another number of epochs, and keeps the old plan, as it led to the weights so far. */
function planAnew(config: RunConfig, epochs: number): void {
  const { epochs: until, bestEpoch, training } = config;
  const isExhausted = training.patience > 0 && until - bestEpoch >= training.patience;
  if (epochs === training.epochs && !isExhausted) return;
  config.earlierPlans = [...(config.earlierPlans ?? []), { epochs: training.epochs, until }];
  training.epochs = epochs;
}

/**
 * Finishes a run with its best epoch so far: sets the thresholds, measures once on the test split, and writes the report.
 *
 * @throws RunError where it is finished already or has no whole epoch; DataError where its images are missing or damaged
 */
export async function finishTraining(options: TrainingOptions): Promise<Trained> {
  const run = await openRun(options.name, options.runs);
  const { name, status, bestEpoch, epochs } = run.config;
  if (status === 'calibrated' && existsSync(join(run.directory, 'outcomes.json')))
    throw new RunError(
      `run ${name} is calibrated already, after ${epochs} epochs. pnpm calibrate sets its thresholds again; ` +
        `pnpm train --resume ${name} --epochs N trains it further.`,
    );
  if (bestEpoch === 0) throw new RunError(`run ${name} has no whole epoch yet. Train it further with pnpm train --resume ${name}.`);
  const { dataset, splits } = await openData(run, options);
  const backend = await useBackend('wasm', run.config.threads);
  if (status !== 'calibrated') run.config.status = 'trained';
  await writeConfig(run);
  const trainingSeconds = (await readMetrics(run)).at(-1)?.seconds ?? 0;
  if (await leaveOut(run, dataset, splits, options, backend)) return finish(run, dataset, splits, options, trainingSeconds);
  return { run, model: (await loadTrained(run)).model, test: null, trainingSeconds };
}

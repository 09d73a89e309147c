import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder, parseJsonOrNull, writeAtomically } from '../node/files/files.ts';
import { projectPath } from '../node/project-folder.ts';
import type { Calibration, Covariances, Guarantee, Thresholds } from '../shared/bundle/screening-schema.ts';
import { UsageError, UserError } from '../shared/user-error.ts';
import type { Splits } from './data/splits.ts';
import type { Model } from './model/build-model.ts';
import { loadModel, saveModel } from './model/save-model.ts';
import { configSchema, type RunConfig } from './run-config.ts';

/** A training and its results, kept in `runs/NAME`. */
export interface Run {
  directory: string;
  config: RunConfig;
}

/** `calibration.json`: everything that calibration adds to a trained model. */
export interface Calibrated {
  means: number[][];
  covariances: Covariances;
  relativeErrorOffset: number;
  thresholds: Thresholds;
  calibration: Calibration;
  /** Of strict mode. */
  guarantee?: Guarantee | undefined;
}

/** A run is missing, or in a state that does not allow what was asked; the message says why and what to do. */
export class RunError extends UserError {}

export const RUNS = projectPath('runs');

/** Returns the folder of a run's own decoded images. */
export const imagesFolder = ({ directory }: Pick<Run, 'directory'>) => join(directory, 'images');

/** Checks a name of a run or a bundle, which is that of a folder on any system. @throws UsageError */
export function checkName(name: string): void {
  if (!/^\w[\w.-]{0,99}$/.test(name))
    throw new UsageError(
      `${JSON.stringify(name)} is not a valid name. Allowed are up to 100 letters, digits, _, - and dots; the first is a letter, a digit ` +
        'or _.',
    );
}

/**
 * Makes `runs/NAME`.
 *
 * @throws UsageError where the name is taken or not valid, RunError where the settings could not be read again: then nothing is made
 */
export async function createRun(config: RunConfig, splits: Splits, root = RUNS): Promise<Run> {
  checkName(config.name);
  const readable = configSchema.safeParse(config);
  if (!readable.success)
    throw new RunError(`a run with these settings could not be read again: ${z.prettifyError(readable.error)}. Change them.`);
  const directory = join(root, config.name);
  await makeFolder(root);
  try {
    await mkdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new UsageError(`${directory} already exists. Choose another name with --name, or remove the folder.`);
  }
  const run = { directory, config };
  try {
    await writeAtomically(join(directory, 'splits.json'), JSON.stringify(splits));
    await writeConfig(run);
  } catch (error) {
    // Half a run, as on a full disk, would only take the name.
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return run;
}

export async function writeConfig(run: Run): Promise<void> {
  await writeAtomically(join(run.directory, 'config.json'), `${JSON.stringify(run.config, null, 2)}\n`);
}

/** Appends the line of an epoch to `metrics.jsonl`. */
export async function appendMetrics(run: Run, line: Record<string, number>): Promise<void> {
  await appendFile(join(run.directory, 'metrics.jsonl'), `${JSON.stringify(line)}\n`);
}

/** Returns the lines of `metrics.jsonl`; skips one that is not complete (the last one, after a kill). */
export async function readMetrics(run: Run): Promise<Record<string, number>[]> {
  const text = await readFile(join(run.directory, 'metrics.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n').map(parseJsonOrNull);
  return lines.filter((line) => line !== null) as Record<string, number>[];
}

/** Removes the lines of epochs after `epochs`, which will be trained again, and an incomplete line. */
export async function truncateMetrics(run: Run, epochs: number): Promise<void> {
  const kept = (await readMetrics(run)).filter(({ epoch }) => (epoch ?? Number.POSITIVE_INFINITY) <= epochs);
  await writeAtomically(join(run.directory, 'metrics.jsonl'), kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Saves the model after an epoch. @param isBest true where its validation loss is the smallest so far */
export async function saveEpoch(run: Run, model: Model, epochs: number, isBest: boolean): Promise<void> {
  await saveModel(join(run.directory, 'last'), model);
  if (isBest) await saveModel(join(run.directory, 'model'), model);
  run.config.epochs = epochs;
  if (isBest) run.config.bestEpoch = epochs;
  await writeConfig(run);
}

/** Removes what belongs to a run's old thresholds. */
export async function removeCalibration(run: Run): Promise<void> {
  for (const file of ['report.html', 'outcomes.json', 'calibration.json']) await rm(join(run.directory, file), { force: true });
}

export async function saveCalibration(run: Run, calibrated: Calibrated): Promise<void> {
  // First, so that a kill in between leaves no wrong figure.
  await removeCalibration(run);
  await writeAtomically(join(run.directory, 'calibration.json'), JSON.stringify(calibrated));
  run.config.status = 'calibrated';
  await writeConfig(run);
}

/**
 * Opens the run in a folder. Its name is the folder's, even where that was renamed or copied, as all commands take runs by it.
 *
 * @throws UsageError where there is no such run, RunError where its config can't be read
 */
export async function openRun(name: string, root = RUNS): Promise<Run> {
  checkName(name);
  const directory = join(root, name);
  const text = await readFile(join(directory, 'config.json'), 'utf8').catch(() => null);
  if (text === null) {
    const names = (await listRuns(root)).map((run) => run.config.name);
    throw new UsageError(
      `${directory} is not a run. ${names.length > 0 ? `There are: ${names.join(', ')}.` : 'There are none yet: pnpm train makes one.'}`,
    );
  }
  const json = z.record(z.string(), z.unknown()).safeParse(parseJsonOrNull(text));
  if (!json.success) throw new RunError(`${directory}/config.json is damaged: it is not complete JSON. Train again.`);
  const config = configSchema.safeParse(json.data);
  if (!config.success)
    throw new RunError(
      `${directory}/config.json was made by another version of Portcullis (${json.data.portcullis ?? 'unknown'}), or by hand, and does ` +
        `not fit this one: ${z.prettifyError(config.error)}. Use that version for this run, or train again.`,
    );
  return { directory, config: { ...config.data, name } };
}

/** Lists the runs that can be read, the newest first. */
export async function listRuns(root = RUNS): Promise<Run[]> {
  const names = await readdir(root).catch(() => [] as string[]);
  const opened = names.map(async (name) => {
    const directory = join(root, name);
    const text = await readFile(join(directory, 'config.json'), 'utf8').catch(() => 'null');
    const { data } = configSchema.safeParse(parseJsonOrNull(text));
    return data ? [{ directory, config: { ...data, name } }] : [];
  });
  return (await Promise.all(opened)).flat().sort((a, b) => b.config.started.localeCompare(a.config.started));
}

/** Returns the newest run that was trained to its end, with or without thresholds. @throws RunError where there is none */
export async function latestTrainedRun(root = RUNS): Promise<Run> {
  const runs = await listRuns(root);
  const run = runs.find(({ config }) => config.status === 'trained' || config.status === 'calibrated');
  if (run) return run;
  const others = runs.map(({ config }) => `${config.name} (${config.status})`).join(', ');
  throw new RunError(`there is no run in ${root}/ that was trained to its end${others && `, only ${others}`}. Make one with pnpm train.`);
}

/** Loads the model of a run's best epoch, and its splits. @throws RunError where it was not trained to its end */
export async function loadTrained(run: Run): Promise<{ model: Model; splits: Splits }> {
  const { name, status, epochs, bestEpoch } = run.config;
  if (status !== 'trained' && status !== 'calibrated') {
    const finish = bestEpoch > 0 ? `, finish it with its best epoch so far (pnpm train --finish ${name})` : '';
    throw new RunError(
      `run ${name} is ${status} (${epochs} epochs). Train it to its end (pnpm train --resume ${name})${finish}, or name another run.`,
    );
  }
  return { model: await loadModel(join(run.directory, 'model')), splits: await readSplits(run) };
}

/** Loads the model, splits and calibration of a run. @throws RunError where it is not calibrated yet */
export async function loadRun(run: Run): Promise<{ model: Model; splits: Splits; calibrated: Calibrated }> {
  if (run.config.status === 'trained')
    throw new RunError(`run ${run.config.name} has no thresholds yet. Set them with pnpm calibrate --run ${run.config.name}.`);
  return { ...(await loadTrained(run)), calibrated: await readCalibration(run) };
}

export const readCalibration = (run: Run) => readJson<Calibrated>(run, 'calibration.json');

export const readSplits = (run: Run) => readJson<Splits>(run, 'splits.json');

async function readJson<T>(run: Run, file: string): Promise<T> {
  try {
    return JSON.parse(await readFile(join(run.directory, file), 'utf8'));
  } catch (error) {
    throw new RunError(`${run.directory}/${file} can't be read (${(error as Error).message}). Train again.`);
  }
}

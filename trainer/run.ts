import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder, parseJsonOrNull, writeAtomically } from '../node/files/files.ts';
import { UserError } from '../shared/user-error.ts';
import { type Calibrated, calibrationOptionsSchema, defaultCalibration } from './calibrate.ts';
import { type DataSource, dataSourceSchema } from './data/datasets.ts';
import type { Splits } from './data/splits.ts';
import type { Model } from './model/build-model.ts';
import { loadModel, saveModel } from './model/save-model.ts';
import { trainingSchema } from './presets.ts';

/** `runs/NAME/config.json`: everything that made the run, and how far it got. */
export const configSchema = z.strictObject({
  name: z.string(),
  portcullis: z.string(),
  ...dataSourceSchema.shape,
  classes: z.array(z.string()),
  input: z.strictObject({ height: z.int(), width: z.int(), channels: z.union([z.literal(1), z.literal(3)]) }),
  checksums: z.record(z.string(), z.string()),
  preset: z.string(),
  training: trainingSchema,
  seed: z.int(),
  calibration: calibrationOptionsSchema.default(defaultCalibration),
  backend: z.string(),
  /** That share the work on a batch; other numbers of them round differently. */
  threads: z.int().positive().default(1),
  started: z.iso.datetime(),
  /** Whole epochs done. */
  epochs: z.int(),
  /** The one with the smallest loss on the validation split, whose weights are in `model`; those after the last one are in `last`. */
  bestEpoch: z.int().default(0),
  /** `training` until the last epoch is saved, `interrupted` after Ctrl-C, `calibrated` when thresholds are there. */
  status: z.enum(['training', 'interrupted', 'trained', 'calibrated']),
});

export type RunConfig = z.infer<typeof configSchema>;

export interface Run {
  directory: string;
  config: RunConfig;
}

/** Where the run's images came from, to read them again. */
export function sourceOf({ dataset, dataDir, imageSize, channels }: RunConfig): DataSource {
  return { dataset, dataDir, imageSize, channels };
}

/** A run is missing or can't be used for this; the message says why and what to do. */
export class RunError extends UserError {}

export const RUNS = 'runs';

/** Names of runs and bundles are those of folders, of any system. @throws RunError */
export function checkName(name: string): void {
  if (!/^\w[\w.-]{0,99}$/.test(name))
    throw new RunError(
      `${JSON.stringify(name)} is no name; allowed are up to 100 letters, digits, _, - and dots, not starting with - or a dot.`,
    );
}

/** Makes `runs/NAME`. @throws RunError where it is there already, can't be a name, or nothing could read it again: then nothing is made */
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
    throw new RunError(`${directory} is there already. Choose another name with --name, or remove the folder.`);
  }
  const run = { directory, config };
  try {
    await writeAtomically(join(directory, 'splits.json'), JSON.stringify(splits));
    await writeConfig(run);
  } catch (error) {
    // As on a full disk: half a run would only take the name.
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return run;
}

export async function writeConfig(run: Run): Promise<void> {
  await writeAtomically(join(run.directory, 'config.json'), `${JSON.stringify(run.config, null, 2)}\n`);
}

/** One JSON line an epoch. */
export async function appendMetrics(run: Run, line: Record<string, number>): Promise<void> {
  await appendFile(join(run.directory, 'metrics.jsonl'), `${JSON.stringify(line)}\n`);
}

/** The lines of `metrics.jsonl`; what is no whole line (the last one, after a kill) is passed over. */
export async function readMetrics(run: Run): Promise<Record<string, number>[]> {
  const text = await readFile(join(run.directory, 'metrics.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .map(parseJsonOrNull)
    .filter((line) => line !== null) as Record<string, number>[];
}

/** Takes back the lines of epochs after `epochs`, which are trained again, and half a line. */
export async function keepMetrics(run: Run, epochs: number): Promise<void> {
  const kept = (await readMetrics(run)).filter(({ epoch }) => (epoch ?? Number.POSITIVE_INFINITY) <= epochs);
  await writeAtomically(join(run.directory, 'metrics.jsonl'), kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

export function readSplits(run: Run): Promise<Splits> {
  return readJson(run, 'splits.json');
}

/** @param isBest of all epochs so far */
export async function saveEpoch(run: Run, model: Model, epochs: number, isBest: boolean): Promise<void> {
  await saveModel(join(run.directory, 'last'), model);
  if (isBest) await saveModel(join(run.directory, 'model'), model);
  run.config.epochs = epochs;
  if (isBest) run.config.bestEpoch = epochs;
  await writeConfig(run);
}

export async function saveCalibration(run: Run, calibrated: Calibrated): Promise<void> {
  await writeAtomically(join(run.directory, 'calibration.json'), JSON.stringify(calibrated));
  run.config.status = 'calibrated';
  await writeConfig(run);
}

/**
 * The run in a folder. Its name is the folder's, also where that was renamed or copied: all commands take runs by that.
 *
 * @throws RunError where the folder holds no run, or can't
 */
export async function openRun(name: string, root = RUNS): Promise<Run> {
  checkName(name);
  const directory = join(root, name);
  const text = await readFile(join(directory, 'config.json'), 'utf8').catch(() => null);
  if (text === null) {
    const names = (await listRuns(root)).map((run) => run.config.name);
    throw new RunError(
      `${directory} is not a run. ${names.length > 0 ? `There are: ${names.join(', ')}.` : 'There are none yet: pnpm train makes one.'}`,
    );
  }
  const whole = z.record(z.string(), z.unknown()).safeParse(parseJsonOrNull(text));
  if (!whole.success) throw new RunError(`${directory}/config.json is damaged: it is no whole JSON. Train again.`);
  const config = configSchema.safeParse(whole.data);
  if (!config.success)
    throw new RunError(
      `${directory}/config.json was made by another version of Portcullis (${whole.data.portcullis ?? 'unknown'}), or by hand, and does not fit this one: ${z.prettifyError(config.error)}. Use that version for this run, or train again.`,
    );
  return { directory, config: { ...config.data, name } };
}

/** All runs that can be read, the newest first. */
export async function listRuns(root = RUNS): Promise<Run[]> {
  const names = await readdir(root).catch(() => [] as string[]);
  const runs = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(root, name, 'config.json'), 'utf8').catch(() => 'null');
      const config = configSchema.safeParse(parseJsonOrNull(text));
      return config.success ? [{ directory: join(root, name), config: { ...config.data, name } }] : [];
    }),
  );
  return runs.flat().sort((a, b) => b.config.started.localeCompare(a.config.started));
}

/** The newest run that was trained to its end, with thresholds or without. @throws RunError where there is none */
export async function latestTrainedRun(root = RUNS): Promise<Run> {
  const runs = await listRuns(root);
  const run = runs.find(({ config }) => config.status === 'trained' || config.status === 'calibrated');
  if (run) return run;
  const others = runs.map(({ config }) => `${config.name} (${config.status})`).join(', ');
  throw new RunError(`there is no run in ${root}/ that was trained to its end${others && `, only ${others}`}. Make one with pnpm train.`);
}

/** Model (of its best epoch) and splits of a run. @throws RunError where it was not trained to its end */
export async function loadTrained(run: Run): Promise<{ model: Model; splits: Splits }> {
  const { name, status, epochs } = run.config;
  if (status !== 'trained' && status !== 'calibrated')
    throw new RunError(
      `run ${name} is ${status} (${epochs} epochs). Train it to its end (pnpm train --resume ${name}), or name another run.`,
    );
  return { model: await loadModel(join(run.directory, 'model')), splits: await readSplits(run) };
}

/** Model, splits and calibration of a run. @throws RunError where it is not calibrated yet */
export async function loadRun(run: Run): Promise<{ model: Model; splits: Splits; calibrated: Calibrated }> {
  if (run.config.status === 'trained')
    throw new RunError(`run ${run.config.name} has no thresholds yet. Set them with pnpm calibrate --run ${run.config.name}.`);
  return { ...(await loadTrained(run)), calibrated: await readJson(run, 'calibration.json') };
}

async function readJson<T>(run: Run, file: string): Promise<T> {
  try {
    return JSON.parse(await readFile(join(run.directory, file), 'utf8'));
  } catch (error) {
    throw new RunError(`${run.directory}/${file} can't be read (${(error as Error).message}). Train again.`);
  }
}

import { join, resolve } from 'node:path';
import { defaultPreprocess } from '../shared/images/preprocess.ts';
import { DataError, type Dataset } from './data/dataset.ts';
import { CACHE } from './data/image-cache.ts';
import { divided, keepUnknown, OWN, type OwnUnknown, openKeptUnknown, openOwnUnknown } from './data/unknown/own.ts';
import type { Training } from './presets.ts';
import { type Run, RunError } from './run.ts';

/** Returns the folder of a run's own copy of the unknown images. */
export const unknownFolderOf = ({ directory }: Pick<Run, 'directory'>) => join(directory, 'unknown');

const rulesOf = ({ preprocess }: Dataset) => preprocess ?? defaultPreprocess;

/** Reads a folder of unknown images. @throws DataError; the signal's reason, where it is aborted */
export const readOwnUnknown = (directory: string, dataset: Dataset, signal?: AbortSignal) =>
  openOwnUnknown(directory, dataset, { rules: rulesOf(dataset), cache: CACHE, signal });

/**
 * Opens the unknown images that a run was started with: its own copy, or where that is missing or damaged, the folder that they came from.
 *
 * @returns null for a run without
 * @throws DataError where they are missing, or others
 */
export async function ownUnknownOf(run: Run, dataset: Dataset): Promise<OwnUnknown | null> {
  const { name, unknown } = run.config;
  if (!unknown) return null;
  const { directory, sha256 } = unknown;
  const kept = await openKeptUnknown(unknownFolderOf(run), rulesOf(dataset)).catch(() => null);
  if (kept?.sha256 === sha256) return divided(kept, dataset, directory);
  const own = await readOwnUnknown(directory, dataset);
  if (own.sha256 !== sha256)
    throw new DataError(`the unknown images in ${directory} are not those that run ${name} was started with. Put those back.`);
  await keepUnknown(unknownFolderOf(run), own, dataset.input).catch(() => null);
  return own;
}

/** Names a folder of unknown images for a run that is calibrated. @throws DataError; RunError where it was trained with another one */
export async function nameOwnUnknown(run: Run, directory: string, dataset: Dataset): Promise<string[]> {
  if (run.config.training.outlierKinds[OWN])
    throw new RunError(
      `run ${run.config.name} was trained with unknown images of its own, and is measured on those. Leave --unknown-dir out.`,
    );
  const own = await readOwnUnknown(directory, dataset);
  await keepUnknown(unknownFolderOf(run), own, dataset.input);
  run.config.unknown = { directory: resolve(directory), sha256: own.sha256 };
  return own.notes;
}

/** Gives the user's own unknown images half of the outliers; with too few to train on they are only measured. */
export function withOwn(training: Training, count: number): Training {
  if (count === 0 || training.outliers === 0) return training;
  const { [OWN]: _, ...others } = training.outlierKinds;
  const sum = Object.values(others).reduce((total, share) => total + share, 0);
  return { ...training, outlierKinds: { ...others, [OWN]: Math.max(1, sum) } };
}

import { resolve } from 'node:path';
import { defaultPreprocess } from '../shared/images/preprocess.ts';
import { DataError, type Dataset } from './data/dataset.ts';
import { CACHE } from './data/image-cache.ts';
import { OWN, type OwnUnknown, openOwnUnknown } from './data/unknown/own.ts';
import type { Training } from './presets.ts';
import { type Run, RunError } from './run.ts';

/**
 * Opens the unknown images that a run was started with.
 *
 * @returns null for a run without
 * @throws DataError where they are missing, or others
 */
export async function ownUnknownOf({ config }: Run, dataset: Dataset): Promise<OwnUnknown | null> {
  if (!config.unknown) return null;
  const { directory, sha256 } = config.unknown;
  const own = await openOwnUnknown(directory, dataset, { rules: dataset.preprocess ?? defaultPreprocess, cache: CACHE });
  if (own.sha256 === sha256) return own;
  throw new DataError(`the unknown images in ${directory} are not those that run ${config.name} was started with. Put those back.`);
}

/** Names a folder of unknown images for a run that is calibrated. @throws DataError; RunError where it was trained with another one */
export async function nameOwnUnknown(run: Run, directory: string, dataset: Dataset): Promise<string[]> {
  if (run.config.training.outlierKinds[OWN])
    throw new RunError(
      `run ${run.config.name} was trained with unknown images of its own, and is measured on those. Leave --unknown-dir out.`,
    );
  const { sha256, notes } = await openOwnUnknown(directory, dataset, { rules: dataset.preprocess ?? defaultPreprocess, cache: CACHE });
  run.config.unknown = { directory: resolve(directory), sha256 };
  return notes;
}

/** Gives the user's own unknown images half of the outliers; with too few to train on they are only measured. */
export function withOwn(training: Training, count: number): Training {
  if (count === 0 || training.outliers === 0) return training;
  const { [OWN]: _, ...others } = training.outlierKinds;
  const sum = Object.values(others).reduce((total, share) => total + share, 0);
  return { ...training, outlierKinds: { ...others, [OWN]: Math.max(1, sum) } };
}

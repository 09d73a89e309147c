import { canonicalJson } from '../shared/bundle/hashes.ts';
import { DataError, type Dataset } from './data/dataset.ts';
import { openDataset } from './data/datasets.ts';
import { type Run, sourceOf } from './run.ts';

/**
 * The images of a run, read again. Its splits are indices into them: of others, or one more or less, they would be other images,
 * those that it was trained on among those that calibrate or test.
 *
 * @throws DataError where they are not there, or not those that the run was begun with
 */
export async function openDatasetOf({ config }: Run, signal?: AbortSignal): Promise<Dataset> {
  const dataset = await openDataset(sourceOf(config), signal);
  if (canonicalJson(dataset.checksums) === canonicalJson(config.checksums)) return dataset;
  const where = config.dataDir === null ? config.dataset : `${config.dataset} in ${config.dataDir}`;
  throw new DataError(
    `the images of ${where} are not those that run ${config.name} was begun with. Put those back, or train a new run on these.`,
  );
}

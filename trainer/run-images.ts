import { resolve } from 'node:path';
import { canonicalJson } from '../shared/bundle/hashes.ts';
import { defaultPreprocess } from '../shared/images/preprocess.ts';
import { DataError, type Dataset } from './data/dataset.ts';
import { openDataset } from './data/datasets.ts';
import { changedFiles, keepImages, openKeptImages } from './data/kept-images.ts';
import { imagesFolder, type Run, writeConfig } from './run.ts';
import { ownPreprocess } from './run-config.ts';

interface OpenOptions {
  /** The folder of the data set, where it was moved since the run. */
  dataDir?: string | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Opens the images of a run, which are its own: its splits are indices into them. What the folder that they came from has become is told in
 * the notes. A run without images of its own (those of an older version, and of sets such as MNIST) reads its data set again, which must be
 * the same; so does one whose images are damaged.
 *
 * @throws DataError where the images are missing or damaged, and the data set is not that of the run
 */
export async function openDatasetOf(run: Run, { dataDir, signal }: OpenOptions = {}): Promise<Dataset> {
  const { name, dataset, imageSize, channels, labels, checksums } = run.config;
  const preprocess = dataset === 'images' ? ownPreprocess(run.config) : undefined;
  const isSame = (found: Dataset) => canonicalJson(found.checksums) === canonicalJson(checksums);
  const directory = dataDir === undefined ? run.config.dataDir : resolve(dataDir);
  let damage = '';
  try {
    const kept = await openKeptImages(imagesFolder(run));
    if (kept && isSame(kept))
      return {
        ...kept,
        ...(preprocess ? { preprocess: { ...defaultPreprocess, ...preprocess } } : {}),
        notes: await notesOnChanges(kept, directory),
      };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    damage = `${error.message}. `;
  }
  const opened = await openDataset({ dataset, dataDir: directory, imageSize, channels, labels, preprocess }, signal).catch((error) => {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(`${damage}${error.message}${error.message.endsWith('.') ? '' : '.'} ${adviceFor(dataset)}`);
  });
  if (!isSame(opened))
    throw new DataError(
      `${damage}the images of ${directory === null ? dataset : `${dataset} in ${directory}`} are not those that run ${name} was started ` +
        `with. ${adviceFor(dataset)}`,
    );
  // Where they can't be kept, as on a full disk, the data set itself still does.
  await keepImages(imagesFolder(run), opened, directory).catch(() => null);
  if (directory !== run.config.dataDir) {
    run.config.dataDir = directory;
    await writeConfig(run);
  }
  return damage === '' ? opened : { ...opened, notes: [`${damage}They were decoded again from ${directory}.`, ...(opened.notes ?? [])] };
}

const adviceFor = (dataset: string) =>
  `If ${dataset === 'images' ? 'the folder' : dataset} was moved, name its folder with --data-dir; ` +
  'otherwise put those images back, or train a new run.';

async function notesOnChanges({ train }: Dataset, directory: string | null): Promise<string[]> {
  if (directory === null || !train.stored) return [];
  const changes = await changedFiles(directory, train.stored);
  if (changes.length === 0) return [];
  return [`the run keeps the images that it was started with, and uses those; ${directory} since: ${changes.join('; ')}`];
}

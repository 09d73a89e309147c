import { sha256 } from '../../../shared/bundle/hashes.ts';
import type { Screening } from '../../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT } from '../../../shared/images/formats.ts';
import { DataError, type Dataset, type DatasetReader, type ReadOptions } from '../dataset.ts';
import { cachedImages } from '../image-cache.ts';
import { contentKeys, divide } from './divide.ts';
import { counted, type Fault, faultText, named } from './fault.ts';
import { imageFaults } from './image-faults.ts';
import { layoutOf } from './layout.ts';
import { surveyFolder } from './preprocess-faults.ts';

/** A folder of images, with everything that its owner should know. */
export interface ExaminedFolder {
  form: string;
  classes: string[];
  input: Screening['input'];
  faults: Fault[];
  /** Null where a fault is serious. */
  dataset: Dataset | null;
}

/**
 * Reads all images of a folder and finds all of its faults.
 *
 * @throws DataError where there is no such folder, or its CSV can't be read; the signal's reason, where it is aborted
 */
export async function examineFolder(directory: string, options: ReadOptions): Promise<ExaminedFolder> {
  const { size, channels, labels, preprocess = {}, ...caching } = options;
  const { form, classes, entries, faults } = await layoutOf(directory, labels);
  const input = { height: size, width: size, channels };
  if (entries.length === 0) {
    const what = `${directory} holds no ${ANY_FORMAT} files in the folders of its ${counted(classes.length, 'class')} (${named(classes)})`;
    const isTold = classes.length === 0 && faults.some(({ severity }) => severity === 'serious');
    return { form, classes, input, dataset: null, faults: isTold ? faults : [...faults, { severity: 'serious', what }] };
  }
  const { rules, faults: surveyed } = await surveyFolder(directory, entries, input, preprocess);
  const { index, images } = await cachedImages(directory, entries, input, { ...caching, rules, mayBeEmpty: true });
  const { files } = index;
  const splits = new Map(entries.map(({ file, split }) => [file, split]));
  const keys = contentKeys(files);
  const own = files.map(({ file }) => splits.get(file));
  const labelsOf = files.map(({ label }) => label);
  const { train, validation, test, leftOut } = divide(labelsOf, keys, own);
  const all: Fault[] = [...faults, ...imageFaults(index, classes, input), ...surveyed];
  if (leftOut.length > 0)
    all.push({
      severity: 'warning',
      what: `${counted(leftOut.length, 'image')} left out: the same is among the folder's own test or validation images`,
      files: leftOut.map((i) => files[i]?.file as string),
    });
  if (all.some(({ severity }) => severity === 'serious')) return { form, classes, input, faults: all, dataset: null };
  const tested = new Set(test);
  const list = files.map(({ file, sha256 }, i) => `${file} ${sha256}${tested.has(i) ? ' test' : ''}`).join('\n');
  const dataset: Dataset = {
    ...{ name: 'images', classes, input, preprocess: rules, train: images(train), test: images(test) },
    groups: train.map((i) => keys[i] as string),
    validation: validation.size > 0 ? train.flatMap((position, i) => (validation.has(position) ? [i] : [])) : null,
    checksums: { files: await sha256(list) },
    notes: all.map(faultText),
  };
  return { form, classes, input, faults: all, dataset };
}

/** Returns the data set of an examined folder. @throws DataError with all of its serious faults */
export function datasetOf({ dataset, faults }: ExaminedFolder): Dataset {
  if (dataset) return dataset;
  const serious = faults.filter(({ severity }) => severity === 'serious').map(faultText);
  throw new DataError(`${serious.join('\n')}\npnpm data inspect shows everything about the folder, with the same options.`);
}

/**
 * A folder of one's own images: a folder for each class, or folders named train, val and test with those in them, or a CSV of file and
 * label. Links are followed. What is left out is reported.
 */
export const imageFolder: DatasetReader = {
  name: 'images',
  resizable: true,
  read: async (directory, options) => datasetOf(await examineFolder(directory, options)),
};

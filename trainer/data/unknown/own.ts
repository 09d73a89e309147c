import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../shared/bundle/hashes.ts';
import type { Preprocess } from '../../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT } from '../../../shared/images/formats.ts';
import { rate } from '../../../shared/rate.ts';
import { DataError, type Dataset, type ImageIndex, type LabelledImages } from '../dataset.ts';
import { cachedImages } from '../image-cache.ts';
import { filesInFolder, isNamedImage, notesOnLeftOut } from '../image-files.ts';
import { keepImages, openKeptImages } from '../kept-images.ts';
import { openLevels } from '../levels-file.ts';
import type { Size } from './make.ts';

/** Name of the kind of outliers that are the user's own unknown images. */
export const OWN = 'own';

/** Unknown images that the user named, divided by the hash of their content. */
export interface OwnUnknown {
  /** Trained on, as outliers. */
  train: LabelledImages;
  /** Measured while something is still being chosen. */
  validation: LabelledImages;
  /** Only reported. */
  test: LabelledImages;
  /** of the list of the files' hashes */
  sha256: string;
  notes: string[];
  /** All of them, as a run keeps them. */
  all: LabelledImages;
}

/** Unknown images before they are divided. */
export interface UnknownImages {
  files: ImageIndex['files'];
  images: (indices: readonly number[]) => LabelledImages;
  sha256: string;
  notes: string[];
}

/** Shares that train and validate; the rest tests. */
const [TRAIN, VALIDATION] = [1 / 2, 1 / 4];
/** With fewer to report on, the figure says little. */
const FEW = 100;

interface OwnOptions {
  rules: Preprocess;
  /** Folder for decoded images. */
  cache: string;
  signal?: AbortSignal | undefined;
}

/**
 * Reads the image files of a folder and the folders within it as unknown images. It leaves out those that can't be read, that are there
 * already, or that are among the images of the data set (the same pixels at the model's size).
 *
 * @throws DataError where none is left; the signal's reason, where it is aborted
 */
export async function openOwnUnknown(
  directory: string,
  dataset: Pick<Dataset, 'input' | 'train' | 'test'>,
  options: OwnOptions,
): Promise<OwnUnknown> {
  return divided(await readUnknownFolder(directory, dataset.input, options), dataset, directory);
}

/** Divides unknown images as `openOwnUnknown` does. @throws DataError where none is left */
export function divided(
  { files, images, sha256, notes }: UnknownImages,
  { train, test }: Pick<Dataset, 'train' | 'test'>,
  directory: string,
): OwnUnknown {
  const all = images([...files.keys()]);
  const known = new Set([...contentsOf(train), ...contentsOf(test)]);
  const seen = new Set<string>();
  const parts: Record<'train' | 'validation' | 'test', number[]> = { train: [], validation: [], test: [] };
  let [both, twice] = [0, 0];
  contentsOf(all).forEach((content, i) => {
    if (known.has(content)) both += 1;
    else if (seen.size === seen.add(content).size) twice += 1;
    else parts[partOf(files[i]?.sha256 as string)].push(i);
  });
  if (both === all.count)
    throw new DataError(`every image in ${directory} is one of the data set's, so none of them is unknown. Name another folder.`);
  const count = parts.test.length;
  const best = `even if none is accepted, up to ${(100 * rate(0, count).high).toFixed(1)} % may be (95 %)`;
  return {
    ...{ train: images(parts.train), validation: images(parts.validation), test: images(parts.test), sha256, all },
    notes: [
      ...notes,
      ...(both > 0 ? [`${both} unknown images left out: they are images of the data set`] : []),
      ...(twice > 0 ? [`${twice} unknown images appear more than once, and count once`] : []),
      `unknown images: ${parts.train.length} to train on, ${parts.validation.length} to choose by, ${count} to report on`,
      ...(count < FEW ? [`${count} to report on are few: ${best}. Add images for a better figure.`] : []),
    ],
  };
}

/** Reads all image files of a folder and the folders within it. @throws DataError where there are none that can be read */
export async function readUnknownFolder(directory: string, input: Size, { rules, cache, signal }: OwnOptions): Promise<UnknownImages> {
  const found = await filesInFolder(directory).catch(() => {
    throw new DataError(`${directory} can't be read; a folder of ${ANY_FORMAT} files is needed`);
  });
  const entries = found.files.filter(isNamedImage).map((file) => ({ file, label: 0 }));
  if (entries.length === 0) throw new DataError(`${directory} holds no ${ANY_FORMAT} file. Choose a folder of images.`);
  const { index, images } = await cachedImages(directory, entries, input, { cache, rules, signal });
  const notes = notesOnLeftOut({ ...found, images: entries.length, unreadable: index.unreadable });
  return { files: index.files, images, sha256: identityOf(index, rules), notes };
}

/** Keeps all unknown images in a folder, as `keepImages` does. */
export async function keepUnknown(directory: string, { all, sha256 }: OwnUnknown, input: Size): Promise<void> {
  const none = { ...all, stored: { ...(all.stored as NonNullable<typeof all.stored>), positions: [] } };
  await keepImages(directory, { name: OWN, classes: [OWN], input, checksums: { [OWN]: sha256 }, train: all, test: none }, null);
}

/** Opens the unknown images that are kept in a folder. @returns null where there are none @throws DataError where they are damaged */
export async function openKeptUnknown(directory: string, rules: Preprocess): Promise<UnknownImages | null> {
  const kept = await openKeptImages(directory);
  if (!kept?.train.stored) return null;
  const { path, index } = kept.train.stored;
  return { files: index.files, images: openLevels(path, index, kept.input), sha256: identityOf(index, rules), notes: [] };
}

const identityOf = ({ files }: ImageIndex, rules: Preprocess) => createHash('sha256').update(canonicalJson({ rules, files })).digest('hex');

const contentsOf = (images: LabelledImages): string[] =>
  Array.from({ length: images.count }, (_, i) => createHash('sha256').update(images.image(i)).digest('base64'));

/** Returns the part of an image by its hash, so that a folder that grows keeps its division. */
export function partOf(sha256: string): 'train' | 'validation' | 'test' {
  const place = Number.parseInt(sha256.slice(0, 8), 16) / 2 ** 32;
  return place < TRAIN ? 'train' : place < TRAIN + VALIDATION ? 'validation' : 'test';
}

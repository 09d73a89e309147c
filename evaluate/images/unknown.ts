import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DataError, type LabelledImages } from '../../trainer/data/dataset.ts';
import { type DataSource, datasets, openDataset } from '../../trainer/data/datasets.ts';
import { CACHE } from '../../trainer/data/image-cache.ts';
import { OWN, openKeptUnknown, partOf, readUnknownFolder } from '../../trainer/data/unknown/own.ts';

/** Unknown images: they belong to no class that the bundle knows. */
export interface Unknown {
  name: string;
  /** of the files that they come from */
  sha256: string;
  images: LabelledImages;
}

/** The source of unknown images: the test images of another data set, or any folder of images. */
export interface UnknownSource {
  dataset: DataSource['dataset'];
  directory: string | null;
  /** the copy that the bundle's run keeps, of the images that it was trained or calibrated with */
  kept?: string;
}

/** @throws DataError where they are missing, of another size, or of the data set that the bundle knows */
export async function openUnknown({ dataset, directory, kept }: UnknownSource, screening: Screening): Promise<Unknown> {
  const { input, provenance } = screening;
  if (datasets.get(dataset)?.resizable) return unknownFolder(directory ?? '', screening, CACHE, kept);
  if (dataset === provenance.dataset)
    throw new DataError(`${dataset} is what the bundle was trained on, so its images are not unknown. Name another data set.`);
  const { name, input: own, test, checksums } = await openDataset({ dataset, dataDir: directory, imageSize: null, channels: null });
  if (sizeText(own) !== sizeText(input))
    throw new DataError(`images of ${name} are ${sizeText(own)}, those of the bundle ${sizeText(input)}`);
  return { name: `${name} test images`, sha256: hashOf(checksums), images: test };
}

/**
 * Opens the image files in a folder and the folders within it as unknown images; leaves out those that can't be read. Where the model
 * was trained on such images, only the part that training leaves for reports is taken. With `kept`, the images are those that are there.
 *
 * @throws DataError where there are none
 */
export async function unknownFolder(
  directory: string,
  screening: Pick<Screening, 'input' | 'preprocess' | 'provenance'>,
  cache = CACHE,
  kept?: string,
): Promise<Unknown> {
  const { input, preprocess: rules, provenance } = screening;
  const own = kept === undefined ? null : await openKeptUnknown(kept, rules);
  const { files, images, sha256 } = own ?? (await readUnknownFolder(directory, input, { rules, cache }));
  const { outlierKinds = {} } = (provenance.training ?? {}) as { outlierKinds?: object };
  const chosen = [...files.keys()].filter((i) => !(OWN in outlierKinds) || partOf(files[i]?.sha256 as string) === 'test');
  if (chosen.length === 0) throw new DataError(`no image in ${directory} is left to report on: all were trained on. Add images.`);
  return { name: 'own images', sha256: hashOf({ sha256, chosen: chosen.length }), images: images(chosen) };
}

/** Formats a size as `28 x 28 x 1`. */
export const sizeText = ({ height, width, channels }: Screening['input']) => `${height} x ${width} x ${channels}`;

const hashOf = (content: unknown) => createHash('sha256').update(canonicalJson(content)).digest('hex');

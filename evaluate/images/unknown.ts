import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/bundle/hashes.ts';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { DataError, type LabelledImages } from '../../trainer/data/dataset.ts';
import { type DataSource, datasets, openDataset } from '../../trainer/data/datasets.ts';
import { CACHE, cachedImages } from '../../trainer/data/image-cache.ts';
import { filesInFolder, isNamedImage } from '../../trainer/data/image-files.ts';

/** Images of no class that the bundle knows. */
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
}

/** @throws DataError where they are missing, of another size, or of the data set that the bundle knows */
export async function openUnknown({ dataset, directory }: UnknownSource, { input, preprocess, provenance }: Screening): Promise<Unknown> {
  if (datasets.get(dataset)?.resizable) return unknownFolder(directory ?? '', input, preprocess);
  if (dataset === provenance.dataset)
    throw new DataError(`${dataset} is what the bundle was trained on, so its images are not unknown. Name another data set.`);
  const { name, input: own, test, checksums } = await openDataset({ dataset, dataDir: directory, imageSize: null, channels: null });
  const size = (of: Screening['input']) => `${of.height} x ${of.width} x ${of.channels}`;
  if (size(own) !== size(input)) throw new DataError(`images of ${name} are ${size(own)}, those of the bundle ${size(input)}`);
  return { name: `${name} test images`, sha256: hashOf(checksums), images: test };
}

/**
 * Opens the image files in a folder and the folders within it as images of no class; leaves out those that can't be read.
 *
 * @throws DataError where there are none
 */
export async function unknownFolder(
  directory: string,
  input: Screening['input'],
  rules: Screening['preprocess'],
  cache = CACHE,
): Promise<Unknown> {
  const { files } = await filesInFolder(directory).catch(() => {
    throw new DataError(`${directory} can't be read; a folder of ${ANY_FORMAT} files is needed`);
  });
  const entries = files.filter(isNamedImage).map((file) => ({ file, label: 0 }));
  if (entries.length === 0) throw new DataError(`${directory} holds no ${ANY_FORMAT} file. Choose a folder of images.`);
  const { index, images } = await cachedImages(directory, entries, input, { cache, rules });
  return { name: 'own images', sha256: hashOf({ rules, files: index.files }), images: images(index.files.map((_, i) => i)) };
}

const hashOf = (content: unknown) => createHash('sha256').update(canonicalJson(content)).digest('hex');

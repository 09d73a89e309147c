import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { ANY_FORMAT } from '../../shared/images/formats.ts';
import { DataError } from '../../trainer/data/dataset.ts';
import { CACHE, cachedImages } from '../../trainer/data/image-cache.ts';
import { filesInFolder, isNamedImage } from '../../trainer/data/image-files.ts';
import type { Unknown } from './image-sets.ts';

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
  return { name: 'own images', images: images(index.files.map((_, i) => i)) };
}

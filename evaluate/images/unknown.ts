import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { DataError } from '../../trainer/data/dataset.ts';
import { type DataSource, openDataset } from '../../trainer/data/datasets.ts';
import type { Unknown } from './image-sets.ts';
import { unknownFolder } from './unknown-folder.ts';

/** Where images of no class come from: the test images of another data set, or any folder of images. */
export interface UnknownSource {
  dataset: DataSource['dataset'];
  directory: string | null;
}

/** @throws DataError where they are not there, are of another size, or of the data set that the bundle knows */
export async function openUnknown({ dataset, directory }: UnknownSource, { input, preprocess, provenance }: Screening): Promise<Unknown> {
  if (dataset === 'images') return unknownFolder(directory ?? '', input, preprocess);
  if (dataset === provenance.dataset) throw new DataError(`${dataset} is what the bundle was trained on: not unknown to it. Name another.`);
  const { name, input: own, test } = await openDataset({ dataset, dataDir: directory, imageSize: null, channels: null });
  const size = (of: Screening['input']) => `${of.height} x ${of.width} x ${of.channels}`;
  if (size(own) !== size(input)) throw new DataError(`images of ${name} are ${size(own)}, the bundle's ${size(input)}`);
  return { name: `${name} test images`, images: test };
}

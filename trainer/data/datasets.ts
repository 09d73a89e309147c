import { z } from 'zod';
import { readCoil100 } from './coil-100.ts';
import { DataError, type Dataset, LARGEST_SIDE } from './dataset.ts';
import { readFashionMnist } from './fashion-mnist.ts';
import { CACHE } from './image-cache.ts';
import { readImageFolder } from './image-folder.ts';
import { readMnist } from './mnist.ts';
import { readSvhn } from './svhn.ts';

export const DATASETS = ['mnist', 'fashion-mnist', 'svhn', 'coil-100', 'images'] as const;

/** Where a run's images come from; kept in its config, so that later commands read the same. */
export const dataSourceSchema = z.strictObject({
  dataset: z.enum(DATASETS),
  /** The user's folder; null where the data came with the project. */
  dataDir: z.string().nullable(),
  /** Height and width that images of a folder are brought to; null where the data set has its own. */
  imageSize: z.int().positive().max(LARGEST_SIDE).nullable().default(null),
  /** 1 or 3, for a folder; null where the data set has its own. */
  channels: z
    .union([z.literal(1), z.literal(3)])
    .nullable()
    .default(null),
});

export type DataSource = z.infer<typeof dataSourceSchema>;

/** @throws DataError where the data are not there, damaged, or not what was expected; the signal's reason, where it is aborted while files are decoded */
export async function openDataset({ dataset, dataDir, imageSize, channels }: DataSource, signal?: AbortSignal): Promise<Dataset> {
  if (dataset !== 'images' && (imageSize !== null || channels !== null))
    throw new DataError(`the image size and channels of ${dataset} are given; --image-size and --channels are for --data images`);
  if (dataset === 'mnist') return readMnist(dataDir ?? undefined);
  if (dataDir === null) {
    throw new DataError(
      `${dataset} does not come with the project: name the folder that holds it with --data-dir (or DATA_DIR). docs/data.md says where to get it.`,
    );
  }
  switch (dataset) {
    case 'fashion-mnist':
      return readFashionMnist(dataDir);
    case 'svhn':
      return readSvhn(dataDir);
    case 'coil-100':
      return readCoil100(dataDir, CACHE, signal);
    case 'images':
      return readImageFolder(dataDir, { size: imageSize ?? 64, channels: channels ?? 3 }, CACHE, signal);
  }
}

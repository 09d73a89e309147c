import { z } from 'zod';
import { preprocessSchema } from '../../shared/bundle/screening-schema.ts';
import { UsageError } from '../../shared/user-error.ts';
import { coil100 } from './coil-100.ts';
import { type Dataset, type DatasetReader, LARGEST_SIDE } from './dataset.ts';
import { type ExaminedFolder, examineFolder, imageFolder } from './folder/examine-folder.ts';
import { CACHE } from './image-cache.ts';
import { openKeptImages } from './kept-images.ts';
import { fashionMnist, mnist } from './mnist.ts';
import { svhn } from './svhn.ts';

/** All data sets, by name. To add one: a file with its reader, a line here, and a test. */
export const datasets: ReadonlyMap<string, DatasetReader> = new Map(
  [mnist, fashionMnist, svhn, coil100, imageFolder].map((reader) => [reader.name, reader]),
);

/** Where a run's images come from; kept in its config, so that later commands read the same. */
export const dataSourceSchema = z.strictObject({
  dataset: z.enum([...datasets.keys()]),
  /** The user's folder; null for files that come with the project. */
  dataDir: z.string().nullable(),
  /** Height and width that the images of a folder are resized to; null where the data set has its own. */
  imageSize: z.int().positive().max(LARGEST_SIDE).nullable().default(null),
  /** 1 or 3, for a folder; null where the data set has its own. */
  channels: z
    .union([z.literal(1), z.literal(3)])
    .nullable()
    .default(null),
  /** CSV of file and label of a folder of images. */
  labels: z.string().optional(),
  /** Preprocessing of a folder's images: in a source the user's choices, in a run the rules that it uses. */
  preprocess: z
    .strictObject({
      fit: preprocessSchema.shape.fit.optional(),
      background: z.union([preprocessSchema.shape.background, z.literal('mean')]).optional(),
      polarity: z.enum(['as-is', 'inverted', 'auto']).optional(),
    })
    .optional(),
});

export type DataSource = z.infer<typeof dataSourceSchema>;

/** A data set, or the images of it that a run keeps. */
export interface DatasetSource extends DataSource {
  /** Folder of a run's own images, which are read in place of the data set where there are some. */
  kept?: string;
}

/**
 * Reads a data set.
 *
 * @throws DataError where the data are missing, damaged, or not what was expected; the signal's reason, where it is aborted while files are
 *   decoded
 */
export async function openDataset(source: DatasetSource, signal?: AbortSignal): Promise<Dataset> {
  const { kept } = source;
  const own = kept === undefined ? null : await openKeptImages(kept);
  if (own) return own;
  const { reader, directory, options } = readerOf(source, signal);
  return reader.read(directory, options);
}

/** Reads a data set to show all that is wrong with it; a data set with a format of its own is right, or an error. @throws as openDataset */
export async function inspectDataset(source: DataSource): Promise<ExaminedFolder> {
  const { reader, directory, options } = readerOf(source);
  if (reader.resizable) return examineFolder(directory, options);
  const dataset = await reader.read(directory, options);
  const faults = (dataset.notes ?? []).map((what) => ({ severity: 'note', what }) as const);
  return { form: 'its own format', classes: dataset.classes, input: dataset.input, faults, dataset };
}

/** Returns the reader of a source, with what it is called with. @throws UsageError where the source names too much or too little */
function readerOf({ dataset, dataDir, imageSize, channels, labels, preprocess }: DataSource, signal?: AbortSignal) {
  const reader = datasets.get(dataset) as DatasetReader;
  const folderOnly = { '--image-size': imageSize ?? undefined, '--channels': channels ?? undefined, '--labels': labels, ...preprocess };
  const given = Object.entries(folderOnly).flatMap(([name, value]) => (value === undefined ? [] : [name.replace(/^(?!--)/, '--')]));
  if (!reader.resizable && given.length > 0)
    throw new UsageError(
      `${given.join(', ')} can't be given for ${dataset}, whose images have their own form; for a folder: --data images`,
    );
  const directory = dataDir ?? reader.packaged?.();
  if (directory === undefined)
    throw new UsageError(
      reader.resizable
        ? `--data ${dataset} needs --data-dir FOLDER (or DATA_DIR): a folder with a folder of images for each class`
        : `${dataset} does not come with the project: name the folder that holds it with --data-dir (or DATA_DIR). ` +
            'docs/data.md says where to get it.',
    );
  const options = { size: imageSize ?? 64, channels: channels ?? 3, labels, preprocess, cache: CACHE, signal };
  return { reader, directory, options };
}

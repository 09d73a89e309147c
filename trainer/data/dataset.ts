import { z } from 'zod';
import type { Preprocess, Screening } from '../../shared/bundle/screening-schema.ts';
import { UserError } from '../../shared/user-error.ts';

/** Largest height and width that the images of a folder may be resized to. */
export const LARGEST_SIDE = 1024;

/** A data file is missing, damaged, or not what it should be; the message names the file and what was expected. */
export class DataError extends UserError {}

/** The images in a file of levels, which holds H * W * C bytes for each. */
export const indexSchema = z.strictObject({
  /** In the order of the levels; paths are relative to the folder that the images come from. */
  files: z.array(
    z.strictObject({
      file: z.string(),
      label: z.int().nonnegative(),
      sha256: z.string(),
      /** Its format's name. */
      format: z.string().default(''),
      /** Sha256 of its levels: images that the model sees alike have the same. */
      look: z.string().default(''),
      /** All of its levels are about the same. */
      isBlank: z.boolean().default(false),
    }),
  ),
  /** Size and time of change of each of these files when it was read. */
  stats: z.array(z.tuple([z.number(), z.number()])),
  unreadable: z.array(z.strictObject({ file: z.string(), why: z.string() })),
  /** Sha256 of the file of levels. */
  sha256: z.string(),
});

export type ImageIndex = z.infer<typeof indexSchema>;
export type StoredFile = ImageIndex['files'][number];

/** A file of levels, and the positions of images in it. */
export interface StoredImages {
  path: string;
  index: ImageIndex;
  positions: readonly number[];
  /** Images in the folder that were in no class when the index was made, where that is known. */
  others?: readonly string[];
}

/** Labelled images whose pixels are in memory or in a file. */
export interface LabelledImages {
  count: number;
  /** Class index of each. */
  labels: Uint8Array | Uint16Array;
  /** Returns the H * W * C levels 0 to 255 of one image; the view is valid until the next call. */
  image(index: number): Uint8Array;
  /** The file that holds the pixels, for images that were decoded from files: a run keeps it. */
  stored?: StoredImages;
}

/** The images and labels of a data set. */
export interface Dataset {
  name: string;
  classes: string[];
  input: Screening['input'];
  /** Preprocessing of its images, for a folder of images; by default `defaultPreprocess`. */
  preprocess?: Preprocess;
  train: LabelledImages;
  test: LabelledImages;
  /** A key per training image: images with the same key (the same content) never straddle splits. Undefined where each stands alone. */
  groups?: string[];
  /** Indices of training images that the data set itself names for validation; null where it names none. */
  validation?: number[] | null;
  /** Sha256 of each file read, by its name; for a folder of images, that of the list of its files' hashes. */
  checksums: Record<string, string>;
  /** Notes for the user: missing, unreadable, or duplicate images. */
  notes?: string[];
}

/** Reads a data set; `datasets.ts` lists all readers. */
export interface DatasetReader {
  /** Its name for `--data` and in a run's config. */
  name: string;
  /** Folder of the files that come with the project; without it the user names one. */
  packaged?: () => string;
  /** Folder where a package of the operating system puts the files. */
  installed?: string;
  /** True where the user chooses the height, width and channels of the images. */
  resizable?: boolean;
  /** Accuracy without thresholds, then accuracy, error and rejection in per cent, as the paper's table 1 prints them. */
  table1?: { supervised: Table1; semiSupervised?: Table1 };
  /** @throws DataError; the signal's reason, where it is aborted while files are decoded */
  read(directory: string, options: ReadOptions): Promise<Dataset>;
  /** Reads the test images alone, where that is less work. @throws DataError */
  readTest?(directory: string): Promise<Pick<Dataset, 'classes' | 'input' | 'test'>>;
}

type Table1 = readonly [withoutThresholds: number, accuracy: number, error: number, rejection: number];

/** A user's choices for preprocessing; what is not given is chosen from the images. */
export interface PreprocessChoice {
  fit?: Preprocess['fit'] | undefined;
  /** `mean`: the mean colour of the images. */
  background?: Preprocess['background'] | 'mean' | undefined;
  /** `auto`: inverted where the images are dark on a light plain background. */
  polarity?: Preprocess['polarity'] | 'auto' | undefined;
}

export interface ReadOptions {
  /** Height and width that images are resized to, where the data set is resizable. */
  size: number;
  channels: 1 | 3;
  /** CSV of file and label of a folder of images; by default its own labels.csv, if it has one. */
  labels?: string | undefined;
  /** Preprocessing of a folder's images; what is not given is chosen from them. */
  preprocess?: PreprocessChoice | undefined;
  /** Folder for decoded images. */
  cache: string;
  signal?: AbortSignal | undefined;
}

/** Wraps pixels in memory. @param pixels count * H * W * C levels */
export function inMemory(pixels: Uint8Array, labels: LabelledImages['labels']): LabelledImages {
  const size = pixels.length / labels.length;
  return { count: labels.length, labels, image: (index) => pixels.subarray(index * size, (index + 1) * size) };
}

/**
 * Returns the images at `indices` as the model takes them.
 *
 * @returns float32 [indices.length, H, W, C] in [0, 1]: level / 255, as `shared/images/preprocess.ts` gives for an image of this size
 */
export function imagesAt(images: LabelledImages, indices: ArrayLike<number>): Float32Array {
  if (indices.length === 0) return new Float32Array(0);
  const size = images.image(indices[0] as number).length;
  const values = new Float32Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const levels = images.image(indices[i] as number);
    for (let j = 0; j < size; j++) values[i * size + j] = (levels[j] as number) / 255;
  }
  return values;
}

/** Yields `imagesAt` in batches of at most `atOnce`. */
export function* batchesAt(images: LabelledImages, indices: readonly number[], atOnce: number): Generator<Float32Array> {
  for (let first = 0; first < indices.length; first += atOnce) yield imagesAt(images, indices.slice(first, first + atOnce));
}

export function labelsAt(images: LabelledImages, indices: ArrayLike<number>): number[] {
  return Array.from(indices, (index) => images.labels[index] as number);
}

/** Counts the images of each class. */
export function classCounts(labels: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) counts[labels[i] as number] = (counts[labels[i] as number] as number) + 1;
  return counts;
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DataError, type Dataset, inMemory, type LabelledImages } from './dataset.ts';
import { readIdx } from './idx.ts';

/** The four files of MNIST and of the data sets made to take its place, and the md5 of their unpacked content. */
export type IdxFiles = Record<`${'train' | 't10k'}-${'images-idx3' | 'labels-idx1'}-ubyte`, string>;

/**
 * A data set of 28x28x1 images in four idx files, plain or .gz.
 *
 * @throws DataError naming the file and what was expected
 */
export async function readIdxDataset(name: string, classes: string[], directory: string, files: IdxFiles): Promise<Dataset> {
  const checksums: Record<string, string> = {};
  const readChecked = async (file: keyof IdxFiles, dimensions: number) => {
    const path = [join(directory, file), join(directory, `${file}.gz`)].find((candidate) => existsSync(candidate));
    if (!path) {
      throw new DataError(
        `${file} (plain or .gz) is not in ${directory}. Name a folder that holds the four files of ${name}: ${Object.keys(files).join(', ')}.`,
      );
    }
    const raw = await readFile(path);
    const content = path.endsWith('.gz') ? unpacked(raw, path) : raw;
    const { shape, values } = readIdx(content, dimensions, path);
    const md5 = createHash('md5').update(content).digest('hex');
    if (md5 !== files[file])
      throw new DataError(`${path} has md5 ${md5}; the original's is ${files[file]}. The file is damaged or not ${name}.`);
    checksums[file] = createHash('sha256').update(content).digest('hex');
    return { shape, values };
  };
  const readPair = async (prefix: 'train' | 't10k'): Promise<LabelledImages> => {
    const images = await readChecked(`${prefix}-images-idx3-ubyte`, 3);
    const labels = await readChecked(`${prefix}-labels-idx1-ubyte`, 1);
    const count = images.shape[0] as number;
    if (labels.shape[0] !== count) throw new DataError(`${prefix}: ${count} images but ${labels.shape[0]} labels in ${directory}`);
    return inMemory(images.values, labels.values);
  };
  const [train, test] = [await readPair('train'), await readPair('t10k')];
  return { name, classes, input: { height: 28, width: 28, channels: 1 }, train, test, checksums };
}

function unpacked(raw: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(raw);
  } catch (error) {
    throw new DataError(`${path} can't be unpacked as gzip (${(error as Error).message}). The file is cut off or damaged.`);
  }
}

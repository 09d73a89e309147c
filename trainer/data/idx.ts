import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DataError, type Dataset, inMemory, type LabelledImages } from './dataset.ts';

type IdxFile = `${'train' | 't10k'}-${'images-idx3' | 'labels-idx1'}-ubyte`;

/** A data set in the format of MNIST, such as those made to take its place. */
export interface IdxDataset {
  name: string;
  classes: string[];
  /** Md5 of the unpacked content of each file. */
  md5: Record<IdxFile, string>;
}

const INPUT = { height: 28, width: 28, channels: 1 } as const;

/**
 * Reads a data set of 28x28x1 images from four idx files, plain or .gz.
 *
 * @throws DataError which names the file and what was expected
 */
export async function readIdxDataset(directory: string, set: IdxDataset): Promise<Dataset> {
  const [train, test] = [await readPair(directory, set, 'train'), await readPair(directory, set, 't10k')];
  const checksums = { ...train.checksums, ...test.checksums };
  return { name: set.name, classes: set.classes, input: INPUT, train: train.images, test: test.images, checksums };
}

/** Reads the test images of a data set, a seventh of its files. @throws DataError as `readIdxDataset` */
export async function readIdxTest(directory: string, set: IdxDataset): Promise<Pick<Dataset, 'classes' | 'input' | 'test'>> {
  return { classes: set.classes, input: INPUT, test: (await readPair(directory, set, 't10k')).images };
}

/** Reads the images and labels of one half of a data set, with the sha256 of both files. */
async function readPair(
  directory: string,
  { name, md5 }: IdxDataset,
  prefix: 'train' | 't10k',
): Promise<{ images: LabelledImages; checksums: Record<string, string> }> {
  const checksums: Record<string, string> = {};
  const readChecked = async (file: IdxFile, dimensions: number) => {
    const path = [join(directory, file), join(directory, `${file}.gz`)].find((candidate) => existsSync(candidate));
    if (!path)
      throw new DataError(
        `${file} (plain or .gz) is not in ${directory}. Name a folder that holds the four files of ${name}: ` +
          `${Object.keys(md5).join(', ')}.`,
      );
    const raw = await readFile(path);
    const content = path.endsWith('.gz') ? unpacked(raw, path) : raw;
    const { shape, values } = readIdx(content, dimensions, path);
    const found = createHash('md5').update(content).digest('hex');
    if (found !== md5[file])
      throw new DataError(`${path} has md5 ${found}; the original's is ${md5[file]}. The file is damaged or not ${name}.`);
    checksums[file] = createHash('sha256').update(content).digest('hex');
    return { shape, values };
  };
  const images = await readChecked(`${prefix}-images-idx3-ubyte`, 3);
  const labels = await readChecked(`${prefix}-labels-idx1-ubyte`, 1);
  const count = images.shape[0] as number;
  if (labels.shape[0] !== count) throw new DataError(`${prefix}: ${count} images but ${labels.shape[0]} labels in ${directory}`);
  return { images: inMemory(images.values, labels.values), checksums };
}

function unpacked(raw: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(raw);
  } catch (error) {
    throw new DataError(`${path} can't be unpacked as gzip (${(error as Error).message}). The file is cut off or damaged.`);
  }
}

/**
 * Parses an idx file (LeCun et al., the MNIST page): two zero bytes, a type byte, the number of dimensions, each dimension as a big-endian
 * uint32, then the values. Only unsigned bytes (type 8) are supported.
 *
 * @param name for the error messages
 * @throws DataError where the magic number, the dimensions or the length are not as expected
 */
export function readIdx(bytes: Uint8Array, dimensions: number, name: string): { shape: number[]; values: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = 4 + 4 * dimensions;
  if (bytes.byteLength < header)
    throw new DataError(`${name} has ${bytes.byteLength} bytes; an idx header alone has ${header}. The file is cut off.`);
  const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;
  const [magic, expected] = [view.getUint32(0), 0x0800 + dimensions];
  if (magic !== expected)
    throw new DataError(
      `${name} begins with magic number ${hex(magic)}; expected ${hex(expected)} (idx, unsigned bytes, ${dimensions} dimensions). ` +
        'Is it the right file?',
    );
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.byteLength !== header + count)
    throw new DataError(
      `${name} has ${bytes.byteLength} bytes; its header says ${shape.join(' x ')} values, which makes ${header + count}. ` +
        'The file is cut off or damaged.',
    );
  return { shape, values: bytes.subarray(header) };
}

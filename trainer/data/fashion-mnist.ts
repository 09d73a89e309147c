import type { Dataset } from './dataset.ts';
import { type IdxFiles, readIdxDataset } from './idx-dataset.ts';

const FILES: IdxFiles = {
  'train-images-idx3-ubyte': 'f4a8712d7a061bf5bd6d2ca38dc4d50a',
  'train-labels-idx1-ubyte': '9018921c3c673c538a1fc5bad174d6f9',
  't10k-images-idx3-ubyte': '8181f5470baa50b63fa0f6fddb340f0a',
  't10k-labels-idx1-ubyte': '15d484375f8d13e6eb1aabb0c3f46965',
};

/** In the order of the labels (Xiao, Rasul and Vollgraf, 2017, table 2). */
const CLASSES = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'];

/**
 * Fashion-MNIST: 60000 training and 10000 test pictures of clothes, 28x28x1.
 *
 * @param directory holds the four idx files, plain or .gz
 * @throws DataError naming the file and what was expected
 */
export function readFashionMnist(directory: string): Promise<Dataset> {
  return readIdxDataset('fashion-mnist', CLASSES, directory, FILES);
}

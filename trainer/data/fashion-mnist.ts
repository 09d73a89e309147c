import type { DatasetReader } from './dataset.ts';
import { readIdxDataset } from './idx.ts';

/** Fashion-MNIST: 60000 training and 10000 test pictures of clothes, 28x28x1, in four idx files. */
export const fashionMnist: DatasetReader = {
  name: 'fashion-mnist',
  // Debian's dataset-fashion-mnist.
  installed: '/usr/share/datasets/fashion-mnist',
  read: (directory) =>
    readIdxDataset(directory, {
      name: 'fashion-mnist',
      // In the order of the labels (Xiao, Rasul and Vollgraf, 2017, table 2).
      classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
      md5: {
        'train-images-idx3-ubyte': 'f4a8712d7a061bf5bd6d2ca38dc4d50a',
        'train-labels-idx1-ubyte': '9018921c3c673c538a1fc5bad174d6f9',
        't10k-images-idx3-ubyte': '8181f5470baa50b63fa0f6fddb340f0a',
        't10k-labels-idx1-ubyte': '15d484375f8d13e6eb1aabb0c3f46965',
      },
    }),
};

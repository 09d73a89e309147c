import type { DatasetReader } from './dataset.ts';
import { datasetOf, examineFolder } from './folder/examine-folder.ts';

/**
 * A folder of one's own images: a folder for each class, or folders named train, val and test with those in them, or a CSV of file and
 * label. Links are followed. What is left out is reported.
 */
export const imageFolder: DatasetReader = {
  name: 'images',
  resizable: true,
  read: async (directory, options) => datasetOf(await examineFolder(directory, options)),
};

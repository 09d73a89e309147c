import { expect, it } from 'vitest';
import { openDataset } from '../../trainer/data/datasets.ts';
import { THOROUGH, unlikeClasses } from '../../trainer/data/unknown/unlike.ts';

it('an evaluation takes no digit for unknown that looks like another one when turned', async () => {
  const { train, classes, input } = await openDataset({ dataset: 'mnist', dataDir: null, imageSize: null, channels: null });
  const unlike = unlikeClasses(train, [...Array(train.count).keys()], classes.length, input, THOROUGH);
  // Neither a 2 in the mirror nor a 5 upside down, which are a 5 and a 2 to many readers.
  expect([...unlike('left to right')]).toEqual([3, 4, 6, 7, 9]);
  expect([...unlike('top to bottom')]).toEqual([4, 6, 7, 9]);
}, 60_000);

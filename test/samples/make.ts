import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { readMnist } from '../../trainer/data/mnist.ts';

/** Makes the sample digits of this folder: the first MNIST test image of each class, as a grey PNG. `node test/samples/make.ts` */
const { test } = await readMnist();
for (let digit = 0; digit < 10; digit++) {
  const index = test.labels.indexOf(digit);
  const pixels = test.pixels.subarray(index * 784, (index + 1) * 784);
  const png = await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  await writeFile(join(import.meta.dirname, `digit-${digit}-a.png`), png);
}

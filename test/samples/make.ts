import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { readMnist } from '../../trainer/data/mnist.ts';
import { nodeTensors } from './node-tensors.ts';

/** Makes the sample digits of this folder: the first MNIST test image of each class, as a grey PNG. `node test/samples/make.ts` */
const { test } = await readMnist();
for (let digit = 0; digit < 10; digit++) {
  const index = test.labels.indexOf(digit);
  const pixels = test.image(index);
  const png = await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  await writeFile(join(import.meta.dirname, `digit-${digit}-a.png`), png);
}

// Images of another size, with colour, transparency and an EXIF orientation, for the test that all decoders agree.
const drawn = Buffer.from(
  Array.from({ length: 60 * 40 * 4 }, (_, i) => [(i * 7) % 256, (i >> 4) % 256, (i * i) % 256, 255 - ((i >> 3) % 90)][i % 4] as number),
);
const picture = sharp(drawn, { raw: { width: 60, height: 40, channels: 4 } });
await picture
  .clone()
  .png()
  .toFile(join(import.meta.dirname, 'colour.png'));
await picture
  .clone()
  .removeAlpha()
  .withExif({ IFD0: { Orientation: '6' } })
  .jpeg({ quality: 90 })
  .toFile(join(import.meta.dirname, 'turned.jpg'));

const tensors = await nodeTensors();
await writeFile(join(import.meta.dirname, 'tensors.json'), `${JSON.stringify(tensors, null, 2)}\n`);

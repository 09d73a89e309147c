import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { openReclassifier } from '../../node/bundle/graphs.ts';
import { DEFAULT_MIN_MARGIN, decideReclassified } from '../../shared/decision/decide.ts';
import { randomFrom } from '../../shared/random.ts';
import { readMnist } from '../../trainer/data/mnist.ts';
import type { Offline, OfflineScreen } from './offline.ts';

/** An image in the forms in which it is sent, with what must be answered. */
export interface Sample {
  file: Buffer;
  type: 'image/png' | 'image/jpeg';
  /** As the model gets it, from the file. */
  tensor: Float32Array;
  offline: Offline;
  /** The search's result for a rejected image, null for none. */
  found?: string | null;
}

const DIGITS = 400;
const NOISY = 8;
const EPS = 0.3;

/** Test digits as PNG and JPEG, digits under noise of the size that FGSM has, and the samples of the tests. */
export async function readSamples(model: string, { screening, tensorOf, verdictOn }: OfflineScreen): Promise<Sample[]> {
  const { test } = await readMnist();
  const random = randomFrom(1, 'load');
  const files: Pick<Sample, 'file' | 'type'>[] = [];
  const grey = (pixels: Uint8Array) => sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } }).toColourspace('b-w');
  for (let i = 0; i < DIGITS; i++) {
    const image = grey(test.image(random.integer(0, test.labels.length - 1)));
    files.push(
      i % 4 === 0
        ? { file: await image.jpeg({ quality: 95 }).toBuffer(), type: 'image/jpeg' }
        : { file: await image.png().toBuffer(), type: 'image/png' },
    );
  }
  for (let i = 0; i < NOISY; i++) {
    const pixels = test.image(i).map((level) => Math.min(255, Math.max(0, level + (random.uniform() < 0.5 ? -1 : 1) * EPS * 255)));
    files.push({ file: await grey(pixels).png().toBuffer(), type: 'image/png' });
  }
  for (const name of ['colour.png', 'turned.jpg', ...Array.from({ length: 10 }, (_, digit) => `digit-${digit}-a.png`)]) {
    const file = await readFile(join('test/samples', name));
    files.push({ file, type: name.endsWith('.jpg') ? 'image/jpeg' : 'image/png' });
  }
  const { reclassify, close } = await openReclassifier(join('models', model));
  const samples: Sample[] = [];
  for (const one of files) {
    const tensor = await tensorOf(one.file);
    const sample: Sample = { ...one, tensor, offline: await verdictOn(tensor) };
    if (!sample.offline.accepted) {
      const [scores] = await reclassify(tensor);
      const found = scores && decideReclassified(scores, screening.thresholds, { keepAll: false, minMargin: DEFAULT_MIN_MARGIN }).accepted;
      sample.found = found ? (screening.classes[scores.label] as string) : null;
    }
    samples.push(sample);
  }
  await close();
  return samples;
}

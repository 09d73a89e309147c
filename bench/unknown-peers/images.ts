import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { concatImages } from '../../attacks/tensors.ts';
import { randomFrom } from '../../shared/random.ts';
import { type BatchRows, batches, trainingImages } from '../../trainer/data/batches.ts';
import { type Dataset, imagesAt, labelsAt } from '../../trainer/data/dataset.ts';
import type { Splits } from '../../trainer/data/splits.ts';
import { unknownSets } from '../../trainer/measure-unknown.ts';
import type { Training } from '../../trainer/presets.ts';
import { CHARACTERS, printed } from './letters.ts';

/** Images of each set. */
const OF_A_SET = 1000;

/** A file of images, [n, 28, 28] as float32. */
export interface ImageSet {
  name: string;
  about: string;
  file: string;
  images: number;
}

/**
 * Writes the batches of a training, an epoch a file, as the trainer draws them: augmented images of the classes, then outliers. A batch is
 * its count of images and of outliers (two uint32), the labels of the former, and all levels as bytes.
 */
export async function writeBatches(folder: string, dataset: Dataset, indices: readonly number[], training: Training, seed: number) {
  const { input, classes, train } = dataset;
  const images = trainingImages(train, input, classes.length, indices, training, randomFrom(seed, 'labels'));
  const random = randomFrom(seed, 'fit');
  for (let epoch = 0; epoch < training.epochs; epoch++) {
    const path = join(folder, `epoch-${epoch}.batches`);
    const isThere = existsSync(path);
    const file = isThere ? null : await open(`${path}.tmp`, 'w');
    // An epoch that is there is drawn again, as the next one's random numbers follow, but its images are not made.
    for (const batch of batches(images, training, random)) if (file) await writeBatch(file, batch.rows(), classes.length);
    if (!file) continue;
    await file.close();
    await rename(`${path}.tmp`, path);
  }
}

async function writeBatch(file: FileHandle, { images, genuine, targets, count }: BatchRows, classes: number): Promise<void> {
  const own = genuine.reduce((sum, value) => sum + value, 0);
  const width = targets.length / count;
  const labels = Uint8Array.from({ length: own }, (_, i) => targets.subarray(i * width, i * width + classes).indexOf(1));
  const levels = Uint8Array.from(images, (value) => Math.round(255 * value));
  await file.write(Buffer.concat([Buffer.from(Uint32Array.of(own, count - own).buffer), labels, levels]));
}

/** Writes the splits that thresholds are set and tested on, and all sets of unknown images. @returns the sets */
export async function writeImages(folder: string, dataset: Dataset, splits: Splits, seed: number): Promise<ImageSet[]> {
  const write = (name: string, images: Float32Array) => writeFile(join(folder, `${name}.f32`), new Uint8Array(images.buffer));
  for (const [split, images] of [
    ['train', dataset.train],
    ['calibration', dataset.train],
    ['test', dataset.test],
  ] as const) {
    await write(split, imagesAt(images, splits[split]));
    await writeFile(join(folder, `${split}.labels`), Uint8Array.from(labelsAt(images, splits[split])));
  }
  const sets: ImageSet[] = [];
  const add = async (name: string, about: string, images: Float32Array) => {
    const file = name.replaceAll(' ', '-');
    await write(file, images);
    sets.push({ name, about, file: `${file}.f32`, images: images.length / (28 * 28) });
  };
  for await (const { kind, about, images } of unknownSets(dataset, { split: 'test', splits, seed, most: OF_A_SET }))
    await add(kind, about, images);
  for (const [name, characters] of Object.entries(CHARACTERS))
    await add(`printed ${name}`, `printed ${name}: ${characters}`, concatImages(await printed(characters, OF_A_SET)));
  return sets;
}

export async function readImages(path: string): Promise<Float32Array> {
  const { buffer, byteOffset, byteLength } = await readFile(path);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

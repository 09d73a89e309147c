import { existsSync } from 'node:fs';
import type { Preprocess } from '../../../shared/bundle/screening-schema.ts';
import { defaultPreprocess, preprocessLevels } from '../../../shared/images/preprocess.ts';
import { type Random, randomFrom } from '../../../shared/random.ts';
import { type Dataset, type DatasetReader, inMemory, type LabelledImages } from '../dataset.ts';
import type { Size } from './make.ts';

/** Test images of a data set that is at hand, resized to the model's input. */
export interface ReferenceSet {
  name: string;
  images: LabelledImages;
}

/**
 * Reads the reference sets that are at hand: those that come with the project or a package of the system. Leaves out the one that was
 * trained on, and one with a class that has the name of a class of the user's, as its images would not be unknown.
 *
 * @param most images of each, drawn by the seed
 */
export async function referenceSets(
  readers: Iterable<DatasetReader>,
  { name, classes, input, preprocess = defaultPreprocess }: Pick<Dataset, 'name' | 'classes' | 'input' | 'preprocess'>,
  most: number,
  seed: number,
): Promise<ReferenceSet[]> {
  const known = new Set(classes.map((label) => label.toLowerCase()));
  const sets: ReferenceSet[] = [];
  for (const reader of readers) {
    const directory = [reader.packaged?.(), reader.installed].find((folder) => folder !== undefined && existsSync(folder));
    if (directory === undefined || reader.name === name) continue;
    const set = await testImagesOf(reader, directory);
    if (!set || set.classes.some((label) => known.has(label.toLowerCase()))) continue;
    sets.push({ name: reader.name, images: resized(set, input, preprocess, most, randomFrom(seed, reader.name)) });
  }
  return sets;
}

const opened = new Map<string, Promise<Pick<Dataset, 'classes' | 'input' | 'test'> | null>>();

/** Reads the test images of a set, once a process. @returns null where it can't be read: then it is not at hand */
function testImagesOf(reader: DatasetReader, directory: string) {
  const known = opened.get(directory);
  if (known) return known;
  const reading = (reader.readTest?.(directory) ?? reader.read(directory, { size: 0, channels: 1, cache: '' })).then(
    ({ classes, input, test }) => ({ classes, input, test }),
    () => null,
  );
  opened.set(directory, reading);
  return reading;
}

function resized(
  { test, input: own }: Pick<Dataset, 'input' | 'test'>,
  input: Size,
  rules: Preprocess,
  most: number,
  random: Random,
): LabelledImages {
  const chosen = random.shuffle(Array.from({ length: test.count }, (_, i) => i)).slice(0, most);
  const size = input.height * input.width * input.channels;
  const levels = new Uint8Array(chosen.length * size);
  chosen.forEach((index, i) => void levels.set(preprocessLevels({ ...own, pixels: test.image(index) }, input, rules), i * size));
  return inMemory(levels, new Uint8Array(chosen.length));
}

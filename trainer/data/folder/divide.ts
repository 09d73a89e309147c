import type { StoredFile } from '../dataset.ts';
import type { OwnSplit } from './labels.ts';

/** Share of the images that test where the folder has no test images of its own. */
const TEST = 0.2;

/** Positions of images by their use. */
export interface Division {
  train: number[];
  /** Those among `train` that the folder itself names for validation. */
  validation: Set<number>;
  test: number[];
  /** Images whose content is among the folder's own test or validation images too. */
  leftOut: number[];
}

/** Returns a key for each image: images that the model sees alike have the same, which no file name and no image size changes. */
export function contentKeys(files: readonly StoredFile[]): string[] {
  const least = new Map<string, string>();
  for (const { look, sha256 } of files) if (!((least.get(look) ?? sha256) < sha256)) least.set(look, sha256);
  return files.map(({ look }) => least.get(look) as string);
}

/**
 * Divides images into those that train and those that test. A folder's own splits count; without test images of its own, a fifth of each
 * class tests: those whose contents' hashes are smallest, so that the same contents are divided the same way whatever their names.
 *
 * @param keys of the contents; images with the same key stay together
 * @param own the split of each image that the folder names
 */
export function divide(labels: readonly number[], keys: readonly string[], own: readonly (OwnSplit | undefined)[]): Division {
  const rank = (i: number) => ['train', 'validation', 'test'].indexOf(own[i] ?? 'train');
  const highest = new Map<string, number>();
  for (const [i, key] of keys.entries()) highest.set(key, Math.max(highest.get(key) ?? 0, rank(i)));
  const all = labels.map((_, i) => i);
  const leftOut = all.filter((i) => rank(i) < (highest.get(keys[i] as string) as number));
  const kept = all.filter((i) => rank(i) === highest.get(keys[i] as string));
  const testKeys = own.includes('test')
    ? new Set<string>()
    : smallestKeys(
        kept.filter((i) => rank(i) === 0),
        labels,
        keys,
      );
  const isTest = (i: number) => rank(i) === 2 || (rank(i) === 0 && testKeys.has(keys[i] as string));
  const train = kept.filter((i) => !isTest(i));
  return { train, validation: new Set(train.filter((i) => rank(i) === 1)), test: kept.filter(isTest), leftOut };
}

/** Returns the smallest fifth of the keys of each class; over all classes the shares add up. */
function smallestKeys(positions: readonly number[], labels: readonly number[], keys: readonly string[]): Set<string> {
  const smallest = new Set<string>();
  let wanted = 0;
  for (const own of Map.groupBy(positions, (i) => labels[i]).values()) {
    const sorted = [...new Set(own.map((i) => keys[i] as string))].sort();
    wanted += TEST * sorted.length;
    for (const key of sorted.slice(0, Math.round(wanted) - smallest.size)) smallest.add(key);
  }
  return smallest;
}

import { randomFrom } from '../../shared/random.ts';
import type { Dataset } from './dataset.ts';

/**
 * The five splits. The first four are indices into the training images, disjoint; `test` are those into the test images.
 * train: fits the weights. validation: choices. tune: the shape of the thresholds. calibration: used once, last.
 * test: looked at only to report.
 */
export interface Splits {
  train: number[];
  validation: number[];
  tune: number[];
  calibration: number[];
  test: number[];
}

/**
 * Shares of n training images that do not train: 1/24, 1/24 and 1/12 (2500, 2500 and 5000 of MNIST's 60000). Of few images more
 * calibrate, up to a fifth, as a promise needs a number of them rather than a share.
 */
function heldOut(n: number) {
  return { validation: 1 / 24, tune: 1 / 24, calibration: Math.min(1 / 5, Math.max(1 / 12, 500 / n)) };
}

/** The same data and seed give the same splits. */
export function splitsOf(dataset: Pick<Dataset, 'train' | 'test' | 'groups'>, seed: number): Splits {
  const order = Array.from({ length: dataset.train.count }, (_, i) => i);
  randomFrom(seed, 'splits').shuffle(order);
  if (dataset.groups) gather(order, dataset.groups);
  const take = (share: number) => {
    let count = Math.round(share * dataset.train.count);
    // Not within a group.
    while (dataset.groups && count > 0 && count < order.length && sameGroup(dataset.groups, order[count - 1], order[count])) count++;
    return order.splice(0, count).sort((a, b) => a - b);
  };
  const shares = heldOut(dataset.train.count);
  const validation = take(shares.validation);
  // The same image twice tells calibration no more than once.
  const tune = distinct(take(shares.tune), dataset.groups);
  const calibration = distinct(take(shares.calibration), dataset.groups);
  const train = order.sort((a, b) => a - b);
  return { train, validation, tune, calibration, test: Array.from({ length: dataset.test.count }, (_, i) => i) };
}

/** The first of each group. */
function distinct(indices: number[], groups: readonly string[] | undefined): number[] {
  if (!groups) return indices;
  const seen = new Set<string>();
  return indices.filter((i) => seen.size < seen.add(groups[i] as string).size);
}

/** Puts the images of a group behind its first one. */
function gather(order: number[], groups: readonly string[]): void {
  const members = new Map<string, number[]>();
  for (const index of order) {
    const group = groups[index] as string;
    const known = members.get(group);
    if (known) known.push(index);
    else members.set(group, [index]);
  }
  let at = 0;
  for (const group of members.values()) for (const index of group) order[at++] = index;
}

function sameGroup(groups: readonly string[], a: number | undefined, b: number | undefined): boolean {
  return groups[a as number] === groups[b as number];
}

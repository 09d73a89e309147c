import { randomFrom } from '../../shared/random.ts';
import type { Dataset } from './dataset.ts';

/** The five splits. The first four are disjoint indices into the training images; `test` are indices into the test images. */
export interface Splits {
  /** Fits the weights. */
  train: number[];
  /** Decides between weights, and estimates covariances. */
  validation: number[];
  /** Shapes the thresholds. */
  tune: number[];
  /** Sets the thresholds; used once, last. */
  calibration: number[];
  /** Used only to report. */
  test: number[];
}

/**
 * Returns the shares of n training images that do not train: 1/24, 1/24 and 1/12 (2500, 2500 and 5000 of MNIST's 60000). Of few images a
 * larger share calibrates, up to a fifth, as a guarantee needs a number of images rather than a share.
 */
function heldOut(n: number) {
  return { validation: 1 / 24, tune: 1 / 24, calibration: Math.min(1 / 5, Math.max(1 / 12, 500 / n)) };
}

/** Divides a data set at random; the same data and seed give the same splits. Images of one group stay together. */
export function splitsOf(dataset: Pick<Dataset, 'train' | 'test' | 'groups'>, seed: number): Splits {
  const order = Array.from({ length: dataset.train.count }, (_, i) => i);
  randomFrom(seed, 'splits').shuffle(order);
  if (dataset.groups) gatherGroups(order, dataset.groups);
  const take = (share: number) => {
    let count = Math.round(share * dataset.train.count);
    // A split never ends inside a group.
    while (dataset.groups && count > 0 && count < order.length && sameGroup(dataset.groups, order[count - 1], order[count])) count++;
    return order.splice(0, count).sort((a, b) => a - b);
  };
  const shares = heldOut(dataset.train.count);
  const validation = take(shares.validation);
  // A duplicate adds nothing to calibration.
  const tune = distinct(take(shares.tune), dataset.groups);
  const calibration = distinct(take(shares.calibration), dataset.groups);
  const train = order.sort((a, b) => a - b);
  return { train, validation, tune, calibration, test: Array.from({ length: dataset.test.count }, (_, i) => i) };
}

/** Keeps the first image of each group. */
function distinct(indices: number[], groups: readonly string[] | undefined): number[] {
  if (!groups) return indices;
  const seen = new Set<string>();
  return indices.filter((i) => seen.size < seen.add(groups[i] as string).size);
}

/** Moves the images of each group next to its first one. */
function gatherGroups(order: number[], groups: readonly string[]): void {
  const members = Map.groupBy(order, (index) => groups[index] as string);
  let at = 0;
  for (const group of members.values()) for (const index of group) order[at++] = index;
}

function sameGroup(groups: readonly string[], a: number | undefined, b: number | undefined): boolean {
  return groups[a as number] === groups[b as number];
}

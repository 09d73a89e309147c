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

/** Calibration images of fewer training images are a fifth of them, of more a twelfth. */
const [FIFTH, ENOUGH, TWELFTH] = [1 / 5, 500, 1 / 12];
/** Share of the training images of a folder in its images. */
const TRAIN = 0.8;

/**
 * Returns the shares of n training images that do not train: 1/24, 1/24 and 1/12 (2500, 2500 and 5000 of MNIST's 60000). Of few images a
 * larger share calibrates, up to a fifth, as a guarantee needs a number of images rather than a share.
 */
function heldOut(n: number) {
  return { validation: 1 / 24, tune: 1 / 24, calibration: Math.min(FIFTH, Math.max(TWELFTH, ENOUGH / n)) };
}

/** Returns about how many images a folder must hold for so many calibration images. */
export function folderFor(calibrationImages: number): number {
  return Math.ceil(calibrationImages / (calibrationImages <= ENOUGH ? FIFTH : TWELFTH) / TRAIN);
}

/**
 * Divides a data set at random, each class alike; the same data and seed give the same splits. Images of one group stay together. Images
 * that the data set itself names for validation are that split.
 */
export function splitsOf({ train, test, groups, validation: own = null }: SplitData, seed: number): Splits {
  const random = randomFrom(seed, 'splits');
  const shares = { ...heldOut(train.count - (own?.length ?? 0)), ...(own ? { validation: 0 } : {}) };
  const splits = { train: [] as number[], validation: own ? [...own] : [], tune: [] as number[], calibration: [] as number[] };
  const names = ['validation', 'tune', 'calibration'] as const;
  const wanted = { validation: 0, tune: 0, calibration: 0 };
  const taken = { ...wanted };
  const isOwn = new Set(own);
  const indices = Array.from({ length: train.count }, (_, i) => i).filter((i) => !isOwn.has(i));
  const classes = [...Map.groupBy(indices, (i) => train.labels[i] as number)].sort(([a], [b]) => a - b);
  for (const [, order] of classes) {
    const count = order.length;
    random.shuffle(order);
    if (groups) gatherGroups(order, groups);
    for (const name of names) {
      wanted[name] += shares[name] * count;
      let more = Math.max(0, Math.round(wanted[name]) - taken[name]);
      // A split never ends inside a group.
      while (groups && more > 0 && more < order.length && groups[order[more - 1] as number] === groups[order[more] as number]) more++;
      const part = order.splice(0, more);
      taken[name] += part.length;
      splits[name].push(...part);
    }
    splits.train.push(...order);
  }
  for (const split of Object.values(splits)) split.sort((a, b) => a - b);
  // A duplicate adds nothing to calibration.
  const [tune, calibration] = [distinct(splits.tune, groups), distinct(splits.calibration, groups)];
  return { ...splits, tune, calibration, test: Array.from({ length: test.count }, (_, i) => i) };
}

type SplitData = Pick<Dataset, 'groups' | 'validation'> & { train: Pick<Dataset['train'], 'count' | 'labels'>; test: { count: number } };

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

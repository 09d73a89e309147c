import { randomFrom } from '../shared/random.ts';
import { checkGuarantee } from './calibrate.ts';
import type { Dataset, LabelledImages } from './data/dataset.ts';
import type { Splits } from './data/splits.ts';
import { type Architecture, multiplications } from './model/architecture.ts';
import { architectureFor, type Training } from './presets.ts';
import type { RunConfig } from './run-config.ts';

/**
 * Classes that are left out together of one small model, so that what it makes of their images can be measured: at most a third of all, so
 * that two are left, and at most five. One model that is trained for long says more than several that are trained for as long together.
 */
const [MOST_SHARE, MOST_CLASSES] = [1 / 3, 5];
/** Share of the run's own training that the small one may cost. */
const COST = 0.15;
/** A training of fewer steps says nothing; it is then as long as this, or as the run's own. */
const LEAST_STEPS = 300;
/** What it costs to make and transform an image, in multiplications of a training step for each of its values; in changing light, twice. */
const MAKING = 1000;
/** Images of a class that its mean is made of. */
const OF_MEAN = 100;

/**
 * Chooses the classes that are left out, at random by the seed, but none that looks most like another of them: that class would not be
 * there to be mistaken for. Where the others have too few images for the promised false-rejection rate, fewer are left out.
 *
 * @returns their indices, in order; none where that is not possible
 */
export function chooseLeftOut(dataset: Dataset, splits: Splits, { seed, calibration }: Pick<RunConfig, 'seed' | 'calibration'>): number[] {
  const all = dataset.classes.length;
  const most = Math.min(MOST_CLASSES, Math.floor(MOST_SHARE * all));
  const order = randomFrom(seed, 'left out').shuffle([...Array(all).keys()]);
  const nearest = nearestClasses(dataset, splits);
  const chosen: number[] = [];
  const isApart = (y: number) => chosen.every((other) => nearest(y) !== other && nearest(other) !== y);
  for (const isWanted of [isApart, () => true])
    for (const y of order) if (chosen.length < most && !chosen.includes(y) && isWanted(y)) chosen.push(y);
  while (chosen.length > 0 && !isEnough(dataset, splits, chosen, calibration)) chosen.pop();
  return chosen.sort((a, b) => a - b);
}

function isEnough(dataset: Dataset, splits: Splits, chosen: readonly number[], calibration: RunConfig['calibration']): boolean {
  try {
    const others = withoutClasses(dataset, splits, chosen);
    checkGuarantee(others.dataset, others.splits, calibration);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Returns a function that gives the class whose mean image is nearest to that of a class. */
function nearestClasses({ train, classes }: Dataset, splits: Splits): (y: number) => number {
  const members = Map.groupBy(splits.train, (i) => train.labels[i] as number);
  const means = classes.map((_, y) => meanOf(train, (members.get(y) ?? []).slice(0, OF_MEAN)));
  return (y) => {
    const distances = means.map((mean, other) =>
      other === y ? Number.POSITIVE_INFINITY : squaredDistance(mean, means[y] as Float32Array),
    );
    return distances.indexOf(Math.min(...distances));
  };
}

function meanOf(images: LabelledImages, indices: readonly number[]): Float32Array {
  const sum = Float32Array.from(images.image(0), () => 0);
  for (const i of indices) for (const [j, level] of images.image(i).entries()) sum[j] = (sum[j] as number) + level / indices.length;
  return sum;
}

const squaredDistance = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, j) => sum + (value - (b[j] as number)) ** 2, 0);

/** Returns the images and splits of the classes that are not left out, with labels that count them. */
export function withoutClasses(dataset: Dataset, splits: Splits, leftOut: readonly number[]): { dataset: Dataset; splits: Splits } {
  const kept = [...dataset.classes.keys()].filter((y) => !leftOut.includes(y));
  const place = new Map(kept.map((y, at) => [y, at]));
  const relabelled = ({ count, labels, image }: LabelledImages): LabelledImages => ({
    ...{ count, image },
    labels: Uint16Array.from(labels, (y) => place.get(y) ?? 0),
  });
  const among = (images: LabelledImages, indices: readonly number[]) => indices.filter((i) => place.has(images.labels[i] as number));
  const { train, test } = dataset;
  const inTrain = (name: Exclude<keyof Splits, 'test'>) => among(train, splits[name]);
  return {
    dataset: {
      ...dataset,
      ...{ classes: kept.map((y) => dataset.classes[y] as string), train: relabelled(train), test: relabelled(test) },
    },
    splits: {
      ...{ train: inTrain('train'), validation: inTrain('validation'), tune: inTrain('tune'), calibration: inTrain('calibration') },
      test: among(test, splits.test),
    },
  };
}

/**
 * Returns the settings and the images with which the small model is trained: the run's own recipe, on the smaller of its architecture and
 * that of the preset `quick`, for as many images as cost COST of the run's training, a little fewer an epoch than there are. A robust
 * training keeps its architecture: with the attacks, a step of `quick`'s takes as long (measured at 28 px), whatever it multiplies.
 *
 * @param images of the run's own training, in an epoch
 * @param others what is left without the classes
 */
export function smallTraining(
  { training: own, epochs: done, classes, seed }: Pick<RunConfig, 'training' | 'epochs' | 'classes' | 'seed'>,
  images: number,
  { dataset: { input, classes: kept }, splits }: { dataset: Pick<Dataset, 'input' | 'classes'>; splits: Pick<Splits, 'train'> },
): { training: Training; train: number[] } {
  const costOf = (architecture: Architecture) =>
    multiplications(architecture, input) + MAKING * (own.light ? 2 : 1) * input.height * input.width * input.channels;
  const latentDim = Math.max(2, own.architecture.latentDim - classes.length + kept.length);
  const usual = { ...own.architecture, latentDim };
  const small = { ...architectureFor('quick', input, latentDim), entropy: usual.entropy };
  const architecture = own.robust === null && costOf(small) < costOf(usual) ? small : usual;
  const seen = done * images;
  const affordable = COST * seen * (costOf(usual) / costOf(architecture));
  const wanted = Math.min(seen, Math.max(affordable, LEAST_STEPS * own.batchSize));
  const epochs = Math.ceil(wanted / splits.train.length);
  const train = randomFrom(seed, 'left out').shuffle([...splits.train]);
  return { training: { ...own, architecture, epochs, patience: 0 }, train: train.slice(0, Math.ceil(wanted / epochs)) };
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { type Random, randomFrom } from '../../shared/random.ts';
import { type AttackRows, attackRowsOf } from '../robust/attack-rows.ts';
import { type Neighbours, neighboursAmong } from '../robust/neighbours.ts';
import { drawInnerAttack, type InnerAttack, type Robustness } from '../robust/robustness.ts';
import { type Affine, type Augmentation, drawTransform, transformImage } from './augment.ts';
import { drawLight, type LightAugmentation, type LightChange, withLight } from './augment-light.ts';
import { classCounts, imagesAt, type LabelledImages } from './dataset.ts';
import { type KindShares, makeOutlier } from './unknown/kinds.ts';
import type { Genuine } from './unknown/make.ts';
import { unlikeClasses } from './unknown/unlike.ts';

/** Share of a semi-supervised batch that has labels. */
const LABELLED_SHARE = 1 / 4;
/** Largest weight of a class in the loss, so that a class with few images does not make wild steps. */
const LARGEST_WEIGHT = 10;
/** Training images of an epoch among which the starts of inner attacks are looked for. */
const NEIGHBOURS = 1500;

/** The training images of a data set, divided by what their labels count for. */
export interface TrainingImages {
  data: LabelledImages;
  input: Screening['input'];
  classes: number;
  /** Indices of the images whose labels count. */
  labelled: number[];
  /** Indices of the images whose labels are never read; empty where training is supervised. */
  unlabelled: number[];
  /** Weight of each class in the loss. */
  weights: number[];
  /** Unknown images that the user named, to train on; null without. */
  own: LabelledImages | null;
  unlike: Genuine['unlike'];
}

/** Divides the images at `indices`; draws from `random` which `labelsPerClass` images of each class keep their labels. */
export function trainingImages(
  data: LabelledImages,
  input: Screening['input'],
  classes: number,
  indices: readonly number[],
  { labelsPerClass, classWeights }: { labelsPerClass: number | null; classWeights: 'none' | 'balanced' },
  random: Random,
  own: LabelledImages | null = null,
): TrainingImages {
  const label = (index: number) => data.labels[index] as number;
  const mean = indices.length / classes;
  const weights = classCounts(indices.map(label), classes).map((count) =>
    classWeights === 'balanced' && count > 0 ? Math.min(LARGEST_WEIGHT, mean / count) : 1,
  );
  const divided = (labelled: number[], unlabelled: number[]): TrainingImages => ({
    ...{ data, input, classes, labelled, unlabelled, weights, own },
    unlike: unlikeClasses(data, labelled, classes, input),
  });
  if (labelsPerClass === null) return divided([...indices], []);
  const taken = new Array<number>(classes).fill(0);
  const chosen = new Set<number>();
  for (const index of random.shuffle([...indices])) {
    const count = taken[label(index)] as number;
    if (count >= labelsPerClass) continue;
    taken[label(index)] = count + 1;
    chosen.add(index);
  }
  return divided(
    indices.filter((index) => chosen.has(index)),
    indices.filter((index) => !chosen.has(index)),
  );
}

/** The settings of a training that batches depend on. */
export interface BatchSettings {
  batchSize: number;
  augmentation: Augmentation;
  light: LightAugmentation | null;
  /** Outliers that are added to a batch, as a share of its images. */
  outliers: number;
  outlierKinds: KindShares;
  robust: Robustness | null;
  architecture: { latentDim: number };
}

/** The images of a batch with the inputs of their loss; rows belong together. */
export interface BatchRows extends AttackRows {
  /** [count, H, W, C] flat, in [0, 1] */
  images: Float32Array;
  /** mu_y of each image, the origin for an outlier: [count, d] flat */
  targets: Float32Array;
  /** N(0, 1), [count, d] flat */
  noise: Float32Array;
  /** 1 where the label counts, else 0. */
  labelled: Float32Array;
  /** Weight of each image in the mean. */
  weights: Float32Array;
  /** 1 where the image is to be reconstructed, 0 where it is an outlier. */
  genuine: Float32Array;
  count: number;
}

/** A batch; its images are made when they are asked for. */
export interface Batch {
  count: number;
  rows(): BatchRows;
}

/** Returns the number of batches in an epoch. */
export function batchesIn({ labelled, unlabelled }: TrainingImages, batchSize: number): number {
  if (unlabelled.length === 0) return Math.ceil(labelled.length / batchSize);
  return Math.ceil(unlabelled.length / (batchSize - labelledIn(batchSize)));
}

/** Returns the number of images in the largest batch, with its outliers. */
export function largestBatch({ batchSize, outliers }: Pick<BatchSettings, 'batchSize' | 'outliers'>): number {
  return batchSize + Math.round(outliers * batchSize);
}

/**
 * Yields the batches of one epoch: all images in a new order, each transformed at random. The last batch may be smaller. A semi-supervised
 * epoch passes once over the unlabelled images; a quarter of each batch is labelled images, which are repeated.
 */
export function* batches(images: TrainingImages, settings: BatchSettings, random: Random): Generator<Batch> {
  const { input } = images;
  const { latentDim } = settings.architecture;
  const { robust } = settings;
  const isAttacked = robust !== null && robust.steps > 0;
  const neighbours = isAttacked ? neighboursAmong(images.data, random.shuffle([...images.labelled]).slice(0, NEIGHBOURS), input) : null;
  for (const { labelled, unlabelled } of orderOf(images, settings.batchSize, random)) {
    const chosen = [...labelled, ...unlabelled];
    const outliers = Math.round(settings.outliers * chosen.length);
    const count = chosen.length + outliers;
    const transforms = Array.from({ length: count }, () => drawTransform(settings.augmentation, input, random));
    const noise = Float32Array.from({ length: count * latentDim }, () => random.normal());
    const outlierSeeds = Array.from({ length: outliers }, () => random.integer(0, 2 ** 31 - 1));
    const { light } = settings;
    const attacks = (robust ? transforms : []).map((_, i) => ({
      ...drawInnerAttack(robust as Robustness, i < chosen.length, random),
      seed: random.integer(0, 2 ** 31 - 1),
    }));
    const lights = light ? transforms.map(() => drawLight(light, input, random)) : [];
    // The label of an unlabelled image is not read.
    const labels = labelled.map((index) => images.data.labels[index] as number);
    yield { count, rows: () => rowsOf(images, { chosen, labels, transforms, lights, noise, outlierSeeds, attacks, neighbours }, settings) };
  }
}

/** The random draws of a batch. Its images are the labelled ones, the unlabelled ones, then outliers. */
interface Drawn {
  chosen: number[];
  labels: number[];
  transforms: Affine[];
  /** Empty where images keep their light. */
  lights: LightChange[];
  noise: Float32Array;
  outlierSeeds: number[];
  /** Empty where training is not robust. */
  attacks: (InnerAttack & { seed: number })[];
  neighbours: Neighbours | null;
}

function rowsOf(
  { data, input, classes, weights, own, unlike }: TrainingImages,
  { chosen, labels, transforms, lights, noise, outlierSeeds, attacks, neighbours }: Drawn,
  { outlierKinds, architecture: { latentDim } }: BatchSettings,
): BatchRows {
  const size = input.height * input.width * input.channels;
  const count = chosen.length + outlierSeeds.length;
  const values = new Float32Array(count * size);
  const genuine: Genuine = { values: imagesAt(data, chosen), count: chosen.length, label: (i) => labels[i] ?? null, own, unlike };
  const outliers = outlierSeeds.map((seed) => makeOutlier(outlierKinds, genuine, input, randomFrom(seed, 'outlier')));
  // Outliers are changed as all images are, or the encoder would tell them by how sharp and how light they are.
  const levelsAt = (i: number) =>
    i < chosen.length ? data.image(chosen[i] as number) : levelsOf(outliers[i - chosen.length] as Float32Array);
  for (const [i, transform] of transforms.entries()) transformImage(levelsAt(i), transform, input, values, i * size);
  for (const [i, light] of lights.entries()) values.set(withLight(values.subarray(i * size, (i + 1) * size), input, light), i * size);
  const means = oneHotMeans(classes, latentDim);
  const origin = new Array<number>(latentDim).fill(0);
  // The target of an outlier, which is the origin, counts like a label.
  const rows = Array.from({ length: count }, (_, i) => ({ isGenuine: i < chosen.length, label: labels[i] }));
  return {
    ...{ images: values, noise, count },
    ...attackRowsOf(attacks, values, labels, neighbours, data, input),
    targets: Float32Array.from(rows.flatMap(({ isGenuine, label }) => (isGenuine ? means[label ?? 0] : origin) as number[])),
    labelled: Float32Array.from(rows, ({ isGenuine, label }) => (label !== undefined || !isGenuine ? 1 : 0)),
    weights: Float32Array.from(rows, ({ label }) => (label === undefined ? 1 : (weights[label] as number))),
    genuine: Float32Array.from(rows, ({ isGenuine }) => (isGenuine ? 1 : 0)),
  };
}

/** Rounds and clamps values in [0, 1] to levels. */
function levelsOf(image: Float32Array): Uint8ClampedArray {
  const levels = new Uint8ClampedArray(image.length);
  for (let i = 0; i < image.length; i++) levels[i] = 255 * (image[i] as number);
  return levels;
}

function* orderOf({ labelled, unlabelled }: TrainingImages, batchSize: number, random: Random) {
  const isSupervised = unlabelled.length === 0;
  const order = random.shuffle([...(isSupervised ? labelled : unlabelled)]);
  const labelledPerBatch = isSupervised ? 0 : labelledIn(batchSize);
  let waiting: number[] = [];
  for (let first = 0; first < order.length; first += batchSize - labelledPerBatch) {
    const images = order.slice(first, first + batchSize - labelledPerBatch);
    while (waiting.length < labelledPerBatch) waiting = [...waiting, ...random.shuffle([...labelled])];
    yield isSupervised ? { labelled: images, unlabelled: [] } : { labelled: waiting.splice(0, labelledPerBatch), unlabelled: images };
  }
}

function labelledIn(batchSize: number): number {
  return Math.max(1, Math.round(LABELLED_SHARE * batchSize));
}

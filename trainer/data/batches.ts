import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { type Random, randomFrom } from '../../shared/random.ts';
import type { Part } from '../gradient/loss-gradients.ts';
import { classCounts, type Training } from '../presets.ts';
import { applyChange, drawChange } from './augment.ts';
import type { LabelledImages } from './dataset.ts';
import { makeOutlier } from './outliers.ts';

/** Of a semi-supervised batch, the share that has labels. */
const LABELLED_SHARE = 1 / 4;
/** So that a class of few images does not make wild steps. */
const LARGEST_WEIGHT = 10;

/** The training images of a data set, as batches are made of them. */
export interface TrainingImages {
  data: LabelledImages;
  input: Screening['input'];
  classes: number;
  /** Whose labels count. */
  labelled: number[];
  /** Whose labels are never looked at; empty where training is supervised. */
  unlabelled: number[];
  /** Of each class in the loss. */
  weights: number[];
}

/** The indices' roles: which `labelsPerClass` of each class have labels is drawn from `random`. */
export function trainingImages(
  data: LabelledImages,
  input: Screening['input'],
  classes: number,
  indices: readonly number[],
  { labelsPerClass, classWeights }: Pick<Training, 'labelsPerClass' | 'classWeights'>,
  random: Random,
): TrainingImages {
  const label = (index: number) => data.labels[index] as number;
  const counts = classCounts(indices.map(label), classes);
  const mean = indices.length / classes;
  const weights = counts.map((count) => (classWeights === 'balanced' && count > 0 ? Math.min(LARGEST_WEIGHT, mean / count) : 1));
  if (labelsPerClass === null) return { data, input, classes, labelled: [...indices], unlabelled: [], weights };
  const taken = new Array<number>(classes).fill(0);
  const chosen = new Set<number>();
  for (const index of random.shuffle([...indices])) {
    const count = taken[label(index)] as number;
    if (count >= labelsPerClass) continue;
    taken[label(index)] = count + 1;
    chosen.add(index);
  }
  const labelled = indices.filter((index) => chosen.has(index));
  return { data, input, classes, labelled, unlabelled: indices.filter((index) => !chosen.has(index)), weights };
}

/** A batch whose images are not made before they are asked for. */
export interface Batch {
  count: number;
  part(): Omit<Part, 'unlabelledWeight'>;
}

/** Batches in an epoch. */
export function batchesIn({ labelled, unlabelled }: TrainingImages, batchSize: number): number {
  if (unlabelled.length === 0) return Math.ceil(labelled.length / batchSize);
  return Math.ceil(unlabelled.length / (batchSize - labelledIn(batchSize)));
}

/**
 * One epoch: all images in a new order, each changed at random; the last batch may be smaller. Semi-supervised: an epoch of the
 * unlabelled ones, with a quarter of each batch from the labelled, which come round again and again.
 */
export function* batches(
  images: TrainingImages,
  { batchSize, augmentation, architecture, outliers }: Pick<Training, 'batchSize' | 'augmentation' | 'architecture' | 'outliers'>,
  random: Random,
): Generator<Batch> {
  const { data, input, classes } = images;
  const means = oneHotMeans(classes, architecture.latentDim);
  const origin = new Array<number>(architecture.latentDim).fill(0);
  const size = input.height * input.width * input.channels;
  for (const { labelled, unlabelled } of orderOf(images, batchSize, random)) {
    const chosen = [...labelled, ...unlabelled];
    const changes = chosen.map(() => drawChange(augmentation, input, random));
    const extra = outliersIn(chosen.length, outliers);
    const count = chosen.length + extra;
    const noise = Float32Array.from({ length: count * architecture.latentDim }, () => random.normal());
    const seeds = Array.from({ length: extra }, () => random.integer(0, 2 ** 31 - 1));
    yield {
      count,
      part: () => {
        const values = new Float32Array(count * size);
        chosen.forEach((index, i) => void applyChange(data.image(index), changes[i] as never, input, values, i * size));
        // The label of an unlabelled image is not looked at.
        const truth = labelled.map((index) => data.labels[index] as number);
        const genuine = {
          ...{ values, count: chosen.length },
          alike: (a: number, b: number) => a < truth.length && b < truth.length && truth[a] === truth[b],
        };
        for (const [i, seed] of seeds.entries())
          values.set(makeOutlier(genuine, input, randomFrom(seed, 'outlier')), (chosen.length + i) * size);
        const target = (i: number) => (i < chosen.length ? means[truth[i] ?? 0] : origin) as number[];
        const rows = Array.from({ length: count }, (_, i) => i);
        return {
          ...{ images: values, noise, count },
          targets: Float32Array.from(rows.flatMap(target)),
          // An outlier's target counts like a label.
          labelled: Float32Array.from(rows, (i) => (i < truth.length || i >= chosen.length ? 1 : 0)),
          weights: Float32Array.from(rows, (i) => (i < truth.length ? (images.weights[truth[i] as number] as number) : 1)),
          genuine: Float32Array.from(rows, (i) => (i < chosen.length ? 1 : 0)),
        };
      },
    };
  }
}

function* orderOf({ labelled, unlabelled }: TrainingImages, batchSize: number, random: Random) {
  if (unlabelled.length === 0) {
    const order = random.shuffle([...labelled]);
    for (let first = 0; first < order.length; first += batchSize) yield { labelled: order.slice(first, first + batchSize), unlabelled: [] };
    return;
  }
  const order = random.shuffle([...unlabelled]);
  const perBatch = labelledIn(batchSize);
  let waiting: number[] = [];
  for (let first = 0; first < order.length; first += batchSize - perBatch) {
    while (waiting.length < perBatch) waiting = [...waiting, ...random.shuffle([...labelled])];
    yield { labelled: waiting.splice(0, perBatch), unlabelled: order.slice(first, first + batchSize - perBatch) };
  }
}

/** Images in the largest batch, those of no class among them. */
export function largestBatch({ batchSize, outliers }: Pick<Training, 'batchSize' | 'outliers'>): number {
  return batchSize + outliersIn(batchSize, outliers);
}

/** Images of no class that are added to so many others. */
function outliersIn(images: number, share: number): number {
  return Math.round(share * images);
}

function labelledIn(batchSize: number): number {
  return Math.max(1, Math.round(LABELLED_SHARE * batchSize));
}

import { oneHotMeans } from '../../shared/mixture.ts';
import type { Random } from '../../shared/random.ts';
import type { Screening } from '../../shared/screening-schema.ts';
import type { Part } from '../gradient/loss-gradients.ts';
import { classCounts, type Training } from '../presets.ts';
import { applyChange, drawChange } from './augment.ts';
import type { LabelledImages } from './dataset.ts';

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
  { batchSize, augmentation, architecture }: Pick<Training, 'batchSize' | 'augmentation' | 'architecture'>,
  random: Random,
): Generator<Batch> {
  const { data, input, classes } = images;
  const means = oneHotMeans(classes, architecture.latentDim);
  const size = input.height * input.width * input.channels;
  for (const { labelled, unlabelled } of orderOf(images, batchSize, random)) {
    const chosen = [...labelled, ...unlabelled];
    const changes = chosen.map(() => drawChange(augmentation, input, random));
    const noise = Float32Array.from({ length: chosen.length * architecture.latentDim }, () => random.normal());
    yield {
      count: chosen.length,
      part: () => {
        const values = new Float32Array(chosen.length * size);
        chosen.forEach((index, i) => void applyChange(data.image(index), changes[i] as never, input, values, i * size));
        // The label of an unlabelled image is not looked at.
        const truth = labelled.map((index) => data.labels[index] as number);
        return {
          ...{ images: values, noise, count: chosen.length },
          targets: Float32Array.from(chosen.flatMap((_, i) => means[truth[i] ?? 0] as number[])),
          labelled: Float32Array.from(chosen, (_, i) => (i < labelled.length ? 1 : 0)),
          weights: Float32Array.from(chosen, (_, i) => (i < labelled.length ? (images.weights[truth[i] as number] as number) : 1)),
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

function labelledIn(batchSize: number): number {
  return Math.max(1, Math.round(LABELLED_SHARE * batchSize));
}

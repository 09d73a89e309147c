import type { EncoderModel } from '../../attacks/attack.ts';
import { fastGradientSign } from '../../attacks/fgsm.ts';
import { concatenated } from '../../attacks/tensors.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { type Random, randomFrom, randomFromState } from '../../shared/random.ts';
import { batchesAt, type Dataset, labelsAt } from '../../trainer/data/dataset.ts';
import type { Model } from '../../trainer/model/build-model.ts';
import { nonsense } from './nonsense.ts';
import type { Unknown } from './unknown.ts';

/** Images to be screened. They are made when they are asked for, as a set may be larger than memory. */
export interface ImageSet {
  /** For tables and evidence. */
  name: string;
  /** The true class of each; -1 for an image of nothing, for which every label is wrong. */
  labels: number[];
  /**
   * Returns all images in order, so many at a time. Each call begins anew, with the same images.
   *
   * @returns [atOnce, H, W, C] flat, in [0, 1]; the last one may be shorter
   */
  batches(atOnce: number): Iterable<Float32Array>;
}

/** The radii of the paper's table 2. */
export const FGSM_EPSILONS = [0.06, 0.12, 0.18, 0.24, 0.3];

/**
 * Makes sets of clean test images, of FGSM on some of them at the paper's five epsilons, and of images of nothing. The same data, counts
 * and seed give the same sets (and the same model the same attacks).
 *
 * @param model gives the attack its gradients; null leaves the attacks out
 * @param counts images in each set; of the clean ones no more than the test split has
 * @param unknown images of no class of this data set, of the same size
 */
export function imageSets(
  model: Model | null,
  dataset: Dataset,
  counts: { clean: number; attacked: number; nonsense: number },
  seed: number,
  unknown: Pick<Unknown, 'name' | 'images'> | null = null,
): ImageSet[] {
  const { test, input, classes } = dataset;
  const random = randomFrom(seed, 'image-sets');
  const chosen = random.shuffle(Array.from({ length: test.count }, (_, i) => i)).slice(0, counts.clean);
  const attacked = chosen.slice(0, counts.attacked);
  const means = model && oneHotMeans(classes.length, model.encoder.outputs[0]?.shape[1] as number);
  return [
    testImages('clean test images', dataset, chosen),
    ...(model && means
      ? FGSM_EPSILONS.map((eps) =>
          attackedImages({ encoder: model.encoder, means, input }, testImages(`FGSM, epsilon ${eps}`, dataset, attacked), eps),
        )
      : []),
    ...Object.entries(nonsense).map(([name, make]) => drawnImages(name, counts.nonsense, (from) => make(input, from), random)),
    ...(unknown ? [unknownImages(unknown)] : []),
  ];
}

function testImages(name: string, { test }: Dataset, indices: number[]): ImageSet {
  return {
    name,
    labels: labelsAt(test, indices),
    batches: (atOnce) => batchesAt(test, indices, atOnce),
  };
}

function unknownImages({ name, images }: Pick<Unknown, 'name' | 'images'>): ImageSet {
  const all = Array.from({ length: images.count }, (_, i) => i);
  return { name: `unknown: ${name}`, labels: all.map(() => -1), batches: (atOnce) => batchesAt(images, all, atOnce) };
}

function attackedImages(model: EncoderModel, { batches, ...set }: ImageSet, eps: number): ImageSet {
  return {
    ...set,
    *batches(atOnce) {
      let first = 0;
      for (const images of batches(atOnce)) {
        const labels = set.labels.slice(first, first + atOnce);
        yield fastGradientSign(model, images, labels, eps);
        first += labels.length;
      }
    },
  };
}

/** Draws images of nothing, and leaves `random` where it stands after all of them. */
function drawnImages(name: string, count: number, make: (random: Random) => Float32Array, random: Random): ImageSet {
  const start = random.state();
  // Drawn once and dropped: the random numbers after them belong to the next set.
  for (let i = 0; i < count; i++) make(random);
  return {
    name,
    labels: new Array<number>(count).fill(-1),
    *batches(atOnce) {
      const again = randomFromState(start);
      for (let first = 0; first < count; first += atOnce) {
        yield concatenated(Array.from({ length: Math.min(atOnce, count - first) }, () => make(again)));
      }
    },
  };
}

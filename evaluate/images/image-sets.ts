import { fgsm } from '../../attacks/fgsm.ts';
import type { EncoderVictim } from '../../attacks/victim.ts';
import { oneHotMeans } from '../../shared/decision/latent-space.ts';
import { type Random, randomFrom, randomFromState } from '../../shared/random.ts';
import { batchesAt, type Dataset, type LabelledImages, labelsAt } from '../../trainer/data/dataset.ts';
import type { Model } from '../../trainer/model/build-model.ts';
import { nonsense } from './nonsense.ts';

/** Images to be screened, and what they are. They are made as they are asked for: a set may be larger than memory. */
export interface ImageSet {
  /** As it stands in tables and evidence. */
  name: string;
  /** The true class of each; -1 for an image of nothing, of which every label is wrong. */
  labels: number[];
  /**
   * All of them in order, so many at a time; each call begins anew, with the same images.
   *
   * @returns [atOnce, H, W, C] flat, in [0, 1]; the last one may be shorter
   */
  batches(atOnce: number): Iterable<Float32Array>;
}

/** Images of no class, such as the test images of another data set. */
export interface Unknown {
  name: string;
  images: LabelledImages;
}

/** The radii of the paper's table 2. */
export const FGSM_EPSILONS = [0.06, 0.12, 0.18, 0.24, 0.3];

/**
 * Clean test images, FGSM on some of them at the paper's five epsilons, and images of nothing. The same data, counts and seed
 * give the same sets (and the same model the same attacks).
 *
 * @param model gives the attack its gradients; null leaves the attacks out
 * @param counts images in each set; of the clean ones at most those that the test split has
 * @param unknown of no class of this data set; of the same size
 */
export function imageSets(
  model: Model | null,
  dataset: Dataset,
  counts: { clean: number; attacked: number; nonsense: number },
  seed: number,
  unknown: Unknown | null = null,
): ImageSet[] {
  const { test, input, classes } = dataset;
  const random = randomFrom(seed, 'image-sets');
  const chosen = random.shuffle(Array.from({ length: test.count }, (_, i) => i)).slice(0, counts.clean);
  const attacked = chosen.slice(0, counts.attacked);
  const victim = model && { encoder: model.encoder, means: oneHotMeans(classes.length, model.encoder.outputs[0]?.shape[1] as number) };
  return [
    testImages('clean test images', dataset, chosen),
    ...(victim
      ? FGSM_EPSILONS.map((eps) => attackedImages(victim, testImages(`FGSM, epsilon ${eps}`, dataset, attacked), input, eps))
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

function unknownImages({ name, images }: Unknown): ImageSet {
  const all = Array.from({ length: images.count }, (_, i) => i);
  return { name: `unknown: ${name}`, labels: all.map(() => -1), batches: (atOnce) => batchesAt(images, all, atOnce) };
}

function attackedImages(
  victim: EncoderVictim,
  { batches, ...set }: ImageSet,
  { height, width, channels }: Dataset['input'],
  eps: number,
): ImageSet {
  return {
    ...set,
    *batches(atOnce) {
      let first = 0;
      for (const images of batches(atOnce)) {
        const labels = set.labels.slice(first, first + atOnce);
        yield fgsm(victim, images, [labels.length, height, width, channels], labels, eps);
        first += labels.length;
      }
    },
  };
}

/** Images of nothing; `random` is left where it stands after all of them. */
function drawnImages(name: string, count: number, make: (random: Random) => Float32Array, random: Random): ImageSet {
  const start = random.state();
  // Drawn once for nothing: the numbers after them are the next set's.
  for (let i = 0; i < count; i++) make(random);
  return {
    name,
    labels: new Array<number>(count).fill(-1),
    *batches(atOnce) {
      const again = randomFromState(start);
      for (let first = 0; first < count; first += atOnce) {
        const images = Array.from({ length: Math.min(atOnce, count - first) }, () => make(again));
        const size = images[0]?.length ?? 0;
        const flat = new Float32Array(images.length * size);
        for (const [i, image] of images.entries()) flat.set(image, i * size);
        yield flat;
      }
    },
  };
}

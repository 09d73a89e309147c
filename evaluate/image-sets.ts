import { fgsm, type Victim } from '../attacks/fgsm.ts';
import { oneHotMeans } from '../shared/mixture.ts';
import { randomFrom } from '../shared/random.ts';
import { type Dataset, imagesAt, labelsAt } from '../trainer/data/dataset.ts';
import type { Model } from '../trainer/model/build-model.ts';
import { nonsense } from './nonsense.ts';

/** Images to be screened, and what they are. */
export interface ImageSet {
  /** As it stands in tables and evidence. */
  name: string;
  /** [n, H, W, C] flat, in [0, 1] */
  images: Float32Array;
  /** The true class of each; -1 for an image of nothing, of which every label is wrong. */
  labels: number[];
}

/** The radii of the paper's table 2. */
export const FGSM_EPSILONS = [0.06, 0.12, 0.18, 0.24, 0.3];

/** Images whose gradients are computed at once; bounds the memory. */
const ATTACK_BATCH = 100;

/**
 * Clean test images, FGSM on some of them at the paper's five epsilons, and images of nothing. The same data, counts and seed
 * give the same sets (and the same model the same attacks).
 *
 * @param model gives the attack its gradients; null leaves the attacks out
 * @param counts images in each set; of the clean ones at most those that the test split has
 */
export function imageSets(
  model: Model | null,
  dataset: Dataset,
  counts: { clean: number; attacked: number; nonsense: number },
  seed: number,
): ImageSet[] {
  const { height, width, channels } = dataset.input;
  const size = height * width * channels;
  const random = randomFrom(seed, 'image-sets');
  const chosen = random.shuffle(Array.from({ length: dataset.test.count }, (_, i) => i)).slice(0, counts.clean);
  const clean = { name: 'clean test images', images: imagesAt(dataset.test, chosen), labels: labelsAt(dataset.test, chosen) };
  const attacked = Math.min(counts.attacked, chosen.length);
  const target = { images: clean.images.subarray(0, attacked * size), labels: clean.labels.slice(0, attacked) };
  const victim = model && {
    encoder: model.encoder,
    means: oneHotMeans(dataset.classes.length, model.encoder.outputs[0]?.shape[1] as number),
  };
  const attacks = victim
    ? FGSM_EPSILONS.map((eps) => ({
        name: `FGSM, epsilon ${eps}`,
        images: attackInBatches(victim, target.images, target.labels, [height, width, channels], eps),
        labels: target.labels,
      }))
    : [];
  const nothing = Object.entries(nonsense).map(([name, make]) => {
    const images = new Float32Array(counts.nonsense * size);
    for (let i = 0; i < counts.nonsense; i++) images.set(make(dataset.input, random), i * size);
    return { name, images, labels: new Array<number>(counts.nonsense).fill(-1) };
  });
  return [clean, ...attacks, ...nothing];
}

function attackInBatches(
  victim: Victim,
  images: Float32Array,
  labels: number[],
  shape: [number, number, number],
  eps: number,
): Float32Array {
  const size = shape[0] * shape[1] * shape[2];
  const adversarial = new Float32Array(images.length);
  for (let first = 0; first < labels.length; first += ATTACK_BATCH) {
    const part = labels.slice(first, first + ATTACK_BATCH);
    const from = images.subarray(first * size, (first + part.length) * size);
    adversarial.set(fgsm(victim, from, [part.length, ...shape], part, eps), first * size);
  }
  return adversarial;
}

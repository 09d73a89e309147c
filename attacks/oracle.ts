import type { Answer, AttackedModel, Candidates, EncoderModel, Oracle } from './attack.ts';
import { concatImages, type ImageShape, selectImages, sizeOf } from './tensors.ts';

/** An oracle with a budget of queries. */
export interface LimitedOracle {
  /** @throws RangeError beyond the budget; an attack has to check `left` */
  ask: Oracle;
  queries(): number;
  left(): number;
}

/** @param size floats in an image @param budget images that may be asked about */
export function limited(oracle: Oracle, size: number, budget: number): LimitedOracle {
  let queries = 0;
  return {
    ask: (images) => {
      queries += images.length / size;
      if (queries > budget) throw new RangeError(`the attack asked ${queries} queries; its budget is ${budget}`);
      return oracle(images);
    },
    queries: () => queries,
    left: () => budget - queries,
  };
}

/** The attack has succeeded: the image is accepted as a wrong class. */
export const isBroken = ({ accepted, label }: Answer, truth: number) => accepted && label !== null && label !== truth;

/** Lifts the loss of an image that is still nearest to its own class above that of all others. */
const OWN_CLASS = 50;

/**
 * The loss that a search by scores lowers: the largest log(score / threshold) of a wrong class, below 0 where the image is accepted as that;
 * of an image that is nearest to its own class, how near.
 */
export function wrongClassLoss({ label, logRatios }: Answer, truth: number): number {
  if (!logRatios) throw new TypeError('the oracle shows no scores; this attack needs them');
  return label === truth ? OWN_CLASS - (logRatios[0] as number) : Math.max(...logRatios);
}

/** Finds the attacker's nearest image that is accepted as a wrong class; null where he has none. */
export async function nearestWrong(
  { startingPoints, means }: Pick<AttackedModel, 'startingPoints' | 'means'>,
  { image, truth }: Pick<QueriedImage, 'image' | 'truth'>,
): Promise<Float32Array | null> {
  const found = [];
  for (let label = 0; label < means.length; label++) if (label !== truth) found.push(...(await startingPoints(image, label, 1)));
  return found.sort((a, b) => a.distance - b.distance)[0]?.image ?? null;
}

/** One image that is attacked without gradients. */
export interface QueriedImage extends ImageShape {
  /** [H, W, C] flat, in [0, 1] */
  image: Float32Array;
  truth: number;
  seed: number;
}

/** The end of an attack without gradients; `image` is null where it found nothing. */
export interface QueryResult {
  image: Float32Array | null;
  queries: number;
}

/** Attacks each image of a batch alone; those for which nothing is found have no candidate. */
export async function eachImage(
  input: EncoderModel['input'],
  images: Float32Array,
  labels: readonly number[],
  seeds: readonly number[],
  attack: (image: QueriedImage) => Promise<QueryResult>,
): Promise<Candidates> {
  const { height, width, channels } = input;
  const found: Float32Array[] = [];
  const [of, queries]: [number[], number[]] = [[], []];
  for (const [i, truth] of labels.entries()) {
    const image = selectImages(images, [i], sizeOf(input));
    const result = await attack({ ...{ image, height, width, channels, truth }, seed: seeds[i] as number });
    queries.push(result.queries);
    if (!result.image) continue;
    found.push(result.image);
    of.push(i);
  }
  return { images: concatImages(found), of, queries };
}

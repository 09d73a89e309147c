import type { Answer, Candidates, EncoderModel, Oracle } from './attack.ts';
import { concatImages, selectImages, sizeOf } from './tensors.ts';

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

/** One image that is attacked without gradients. */
export interface QueriedImage {
  /** [H, W, C] flat, in [0, 1] */
  image: Float32Array;
  height: number;
  width: number;
  channels: number;
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

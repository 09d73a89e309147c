/** What the door says of one image. */
export interface Answer {
  accepted: boolean;
  /** the class that it is accepted as; where scores are shown the nearest class, also of a rejected image; else null */
  label: number | null;
  /** log(score / threshold of that class) of each test, the latent distance first; null where scores are not shown */
  logRatios: number[] | null;
}

/** All that an attacker without the model has: images in [0, 1], flat, one after the other → an answer for each. */
export type Oracle = (images: Float32Array) => Promise<Answer[]>;

/** An oracle that is asked so many images, and no more. */
export interface Limited {
  /** @throws RangeError beyond the budget: an attack has to look at `left` */
  ask: Oracle;
  queries(): number;
  left(): number;
}

/** @param size floats of an image @param budget images that may be asked about */
export function limited(oracle: Oracle, size: number, budget: number): Limited {
  let queries = 0;
  return {
    ask: (images) => {
      queries += images.length / size;
      if (queries > budget) throw new RangeError(`${queries} questions were asked of ${budget} that are allowed`);
      return oracle(images);
    },
    queries: () => queries,
    left: () => budget - queries,
  };
}

/** What is wanted: accepted, and not as what it is. */
export const isBroken = ({ accepted, label }: Answer, truth: number) => accepted && label !== null && label !== truth;

/** An image that is attacked without gradients, each alone: what is found does not depend on its batch. */
export interface Attacked {
  /** [H, W, C] flat, in [0, 1] */
  image: Float32Array;
  height: number;
  width: number;
  channels: number;
  truth: number;
  seed: number;
}

/** Null where nothing was found. */
export interface Found {
  image: Float32Array | null;
  queries: number;
}

import type { AttackedModel } from './attack.ts';
import { randomInBall } from './steps/projection.ts';
import { concatImages, selectImages, sizeOf } from './tensors.ts';

/** The rows that an attack works on, each an image, a start and a target. The same image may stand in several rows. */
export interface Rows {
  /** [N, H, W, C] flat, in [0, 1] */
  origins: Float32Array;
  /** [N, H, W, C] flat */
  starts: Float32Array;
  /** a wrong class for each */
  targets: number[];
  /** The true classes, for the loss `dlr`. */
  truths?: number[];
  /** Rows of one group stop together, at the first success of any; each stops on its own where this is absent. */
  groups?: number[];
}

/** The start of a row: an own image of the wrong class (`outside`), the attacked image, or a random point of the ball. */
export type From = 'outside' | 'image' | 'random';

/** The most wrong classes that an attack tries, nearest first; of ten classes this is all. */
export const MOST_TARGETS = 9;

export interface RowOptions {
  from: From;
  /** wrong classes an image, nearest first */
  targets: number;
  /** starts towards each class: so many own images of it (from outside), or random points (default 1) */
  neighbours?: number;
  /** leaves out so many of the nearest ones */
  skip?: number;
  /** of the ball, for random starts in linf; the projection brings them into the l2 ball */
  radius?: number;
}

/** Pairs each image with its nearest wrong classes. An image has no rows where the attacker has no image of any other class. */
export async function attackRows(
  model: AttackedModel,
  images: Float32Array,
  labels: readonly number[],
  seeds: readonly number[],
  { from, targets, neighbours = 1, skip = 0, radius = 0.3 }: RowOptions,
): Promise<{ rows: Rows; of: number[] }> {
  const size = sizeOf(model.input);
  const starts: Float32Array[] = [];
  const [of, wanted, rowSeeds]: [number[], number[], number[]] = [[], [], []];
  for (const [i, label] of labels.entries()) {
    const image = selectImages(images, [i], size);
    const classes = [];
    for (let target = 0; target < model.means.length; target++) {
      if (target !== label) classes.push({ target, near: await model.startingPoints(image, target, skip + neighbours) });
    }
    classes.sort((a, b) => (a.near[0]?.distance ?? Number.POSITIVE_INFINITY) - (b.near[0]?.distance ?? Number.POSITIVE_INFINITY));
    for (const { target, near } of classes.slice(0, targets)) {
      const own = Array.from({ length: from === 'random' ? neighbours : 1 }, () => image);
      const points = from === 'outside' ? near.slice(skip).map((point) => point.image) : own;
      for (const [n, start] of points.entries()) {
        starts.push(start);
        of.push(i);
        wanted.push(target);
        rowSeeds.push((seeds[i] as number) + target + n * model.means.length);
      }
    }
  }
  const all = concatImages(starts);
  return {
    of,
    rows: {
      origins: selectImages(images, of, size),
      starts: from === 'random' ? randomInBall(all, size, rowSeeds, radius) : all,
      targets: wanted,
      truths: of.map((i) => labels[i] as number),
    },
  };
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { randomFrom } from '../../shared/random.ts';
import type { LabelledImages } from '../data/dataset.ts';
import type { Neighbours } from './neighbours.ts';
import type { InnerAttack } from './robustness.ts';

/** The inputs of the inner attack on a batch; empty where training is not robust. Rows belong to the batch's. */
export interface AttackRows {
  /** [count, H, W, C] flat; the projection onto the ball follows */
  starts: Float32Array;
  /** [count]; 0 where the image is not attacked */
  radii: Float32Array;
  /** Length of the first step, as a share of the radius. */
  stepLengths: Float32Array;
  /** The first radius of a ball that shrinks, as a multiple of the radius; 1 where it does not. */
  reaches: Float32Array;
  /** 1 where the ball is that of l2, 0 for linf. */
  isL2: Float32Array;
  /** 1 where only the values of the largest gradient move. */
  isSparse: Float32Array;
  /** The class that the attack goes to; -1: whichever is nearest. */
  goals: Float32Array;
}

/** The rows of a batch that is not attacked. */
export const NO_ATTACKS: AttackRows = {
  starts: new Float32Array(),
  radii: new Float32Array(),
  stepLengths: new Float32Array(),
  reaches: new Float32Array(),
  isL2: new Float32Array(),
  isSparse: new Float32Array(),
  goals: new Float32Array(),
};

/** Makes the rows of drawn attacks. @param images [count, H, W, C] flat @param labels of the first ones; the others are outliers */
export function attackRowsOf(
  attacks: readonly (InnerAttack & { seed: number })[],
  images: Float32Array,
  labels: readonly number[],
  neighbours: Neighbours | null,
  data: LabelledImages,
  { height, width, channels }: Screening['input'],
): AttackRows {
  const size = height * width * channels;
  const starts = new Float32Array(attacks.length * size);
  const goals = new Float32Array(attacks.length).fill(-1);
  for (const [i, { start, norm, radius, targeted, seed }] of attacks.entries()) {
    if (radius === 0) continue;
    const image = images.subarray(i * size, (i + 1) * size);
    const to = starts.subarray(i * size, (i + 1) * size);
    const near = start === 'neighbour' ? (neighbours?.nearest(image, labels[i] ?? null) ?? null) : null;
    if (near !== null) {
      if (targeted) goals[i] = data.labels[near] as number;
      const levels = data.image(near);
      for (let j = 0; j < size; j++) to[j] = (levels[j] as number) / 255;
    } else if (start === 'noise') {
      const random = randomFrom(seed, 'inner attack');
      // About as long as the radius in either norm.
      const scale = norm === 'linf' ? radius : radius / Math.sqrt(size);
      for (let j = 0; j < size; j++) to[j] = (image[j] as number) + scale * (norm === 'linf' ? 2 * random.uniform() - 1 : random.normal());
    } else to.set(image);
  }
  return {
    ...{ starts, goals },
    radii: Float32Array.from(attacks, ({ radius }) => radius),
    stepLengths: Float32Array.from(attacks, ({ step }) => step),
    reaches: Float32Array.from(attacks, ({ reach }) => reach),
    isL2: Float32Array.from(attacks, ({ norm }) => (norm === 'l2' ? 1 : 0)),
    isSparse: Float32Array.from(attacks, ({ sparse }) => (sparse ? 1 : 0)),
  };
}

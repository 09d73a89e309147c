import { randomStarts } from '../../attacks/pgd.ts';
import { imagesOf, type Rows } from '../../attacks/rows.ts';
import { sizeOf } from '../../attacks/victim.ts';
import type { Chosen } from './protocol.ts';
import type { Setup } from './setup.ts';

/** Rows with the image of the batch that each attacks. */
export interface ImageRows {
  rows: Rows;
  /** place in the batch, ascending */
  of: number[];
}

/** Where an attack begins: at training images of the wrong class, at the image itself, or at a random point of the ball. */
export type From = 'outside' | 'image' | 'random';

/** Wrong classes that are tried, nearest first (of ten classes: all). */
export const MOST_TARGETS = 9;

export interface RowOptions {
  from: From;
  /** wrong classes an image, nearest first */
  targets: number;
  /** training images of each, for starts from outside; those after the first `skip` */
  neighbours: number;
  skip?: number;
  /** of the ball, for random starts in linf; the projection makes it right for l2 */
  eps?: number;
}

/** Each image of the batch against its nearest wrong classes. An image that is near no class that can be reached has no rows. */
export async function imageRows(setup: Setup, chosen: Chosen, options: RowOptions): Promise<ImageRows> {
  const size = sizeOf(setup.screening.input);
  const { from, targets, neighbours, skip = 0 } = options;
  const starts: Float32Array[] = [];
  const [of, wanted]: [number[], number[]] = [[], []];
  for (const [i, label] of chosen.labels.entries()) {
    const image = imagesOf(chosen.images, [i], size);
    const classes = [];
    for (let target = 0; target < setup.screening.classes.length; target++) {
      if (target !== label) classes.push({ target, near: await setup.nearest(image, target, skip + neighbours) });
    }
    classes.sort((a, b) => (a.near[0]?.distance ?? Number.POSITIVE_INFINITY) - (b.near[0]?.distance ?? Number.POSITIVE_INFINITY));
    for (const { target, near } of classes.slice(0, targets)) {
      const begins = from === 'outside' ? near.slice(skip).map((found) => found.image) : [image];
      for (const start of begins) {
        starts.push(start);
        of.push(i);
        wanted.push(target);
      }
    }
  }
  const all = new Float32Array(starts.length * size);
  for (const [i, start] of starts.entries()) all.set(start, i * size);
  const seeds = of.map((i, row) => (chosen.seeds[i] as number) + (wanted[row] as number));
  return {
    of,
    rows: {
      origins: imagesOf(chosen.images, of, size),
      starts: from === 'random' ? randomStarts(all, size, seeds, options.eps ?? 0.3) : all,
      targets: wanted,
      truths: of.map((i) => chosen.labels[i] as number),
    },
  };
}

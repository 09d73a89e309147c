import type { NONSENSE } from '../../../shared/bundle/evidence-names.ts';
import type { Random } from '../../../shared/random.ts';
import { painted, type Size } from './make.ts';

/** Draws unknown images, [H, W, C] in [0, 1] each. The right answer to all of them is a rejection. */
export const nonsense: Record<(typeof NONSENSE)[number], (size: Size, random: Random) => Float32Array> = {
  'uniform noise': (size, random) => grey(size, () => random.uniform()),
  'blank pages': (size, random) => {
    // Black, white or a grey between.
    const level = [0, 1, random.uniform()][random.integer(0, 2)] as number;
    return grey(size, () => level);
  },
  'drawn nonsense': (size, random) => [stripes, checkerboard, scribble][random.integer(0, 2)]?.(size, random) as Float32Array,
};

/** Paints all channels of a place alike. */
function grey(size: Size, level: (row: number, column: number) => number): Float32Array {
  let here = 0;
  return painted(size, (row, column, channel) => {
    if (channel === 0) here = level(row, column);
    return here;
  });
}

function stripes(size: Size, random: Random): Float32Array {
  const angle = random.uniform() * Math.PI;
  const period = random.integer(3, 10);
  return grey(size, (row, column) =>
    Math.abs(Math.floor((row * Math.sin(angle) + column * Math.cos(angle)) / (period / 2))) % 2 === 0 ? 1 : 0,
  );
}

function checkerboard(size: Size, random: Random): Float32Array {
  const side = random.integer(2, 7);
  return grey(size, (row, column) => (Math.floor(row / side) + Math.floor(column / side)) % 2);
}

/** Draws with a pen of two pixels that wanders over the page. */
function scribble(size: Size, random: Random): Float32Array {
  const ink = new Set<number>();
  let [row, column, heading] = [random.uniform() * size.height, random.uniform() * size.width, random.uniform() * 2 * Math.PI];
  for (let step = 0; step < 160; step++) {
    heading += random.normal() * 0.5;
    row = (row + Math.sin(heading) + size.height) % size.height;
    column = (column + Math.cos(heading) + size.width) % size.width;
    for (const [down, right] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      ink.add(((Math.floor(row) + down) % size.height) * size.width + ((Math.floor(column) + right) % size.width));
    }
  }
  return grey(size, (r, c) => (ink.has(r * size.width + c) ? 1 : 0));
}

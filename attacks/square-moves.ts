import type { Random } from '../shared/random.ts';
import type { QueriedImage } from './oracle.ts';

/** The random moves of the square attack within its ball. */
export interface SquareMoves {
  first(): Float32Array;
  /** @param image the best so far @param share of the pixels that the square covers @returns another image, in the ball and in [0, 1] */
  next(image: Float32Array, share: number): Float32Array;
}

/** Vertical stripes at first, then squares: every value changes by the radius, up or down, alike within a channel. */
export function linfMoves({ image: origin, height, width, channels }: QueriedImage, radius: number, random: Random): SquareMoves {
  const sign = () => (random.uniform() < 0.5 ? -radius : radius);
  const at = (i: number, change: number) => Math.min(1, Math.max(0, (origin[i] as number) + change));
  return {
    first() {
      const stripes = Array.from({ length: width * channels }, sign);
      return origin.map((_, i) => at(i, stripes[i % (width * channels)] as number));
    },
    next(image, share) {
      const side = Math.min(Math.max(1, Math.round(Math.sqrt(share * height * width))), height, width);
      const next = image.slice();
      // A move that changes nothing is not worth a query.
      for (let trial = 0; trial < 20; trial++) {
        const [top, left] = [random.integer(0, height - side), random.integer(0, width - side)];
        const changes = Array.from({ length: channels }, sign);
        for (let row = top; row < top + side; row++) {
          for (let i = (row * width + left) * channels; i < (row * width + left + side) * channels; i++)
            next[i] = at(i, changes[i % channels] as number);
        }
        if (next.some((value, i) => value !== image[i])) break;
      }
      return next;
    },
  };
}

/** A square part of the image, from row `top` and column `left`. */
interface Window {
  top: number;
  left: number;
  side: number;
}

/**
 * Windows whose perturbation falls off from the middle, in two halves of different sign: the squared length of one window moves to another.
 * As in the authors' code, except that the length lost by clipping to [0, 1] is not made up for.
 */
export function l2Moves({ image: origin, height, width, channels }: QueriedImage, radius: number, random: Random): SquareMoves {
  const sign = () => (random.uniform() < 0.5 ? -1 : 1);
  const place = ({ top, left }: Window, row: number, column: number, channel: number) =>
    ((top + row) * width + left + column) * channels + channel;
  /** The image moved by the radius in this direction. */
  const moved = (direction: Float32Array) => {
    const length = lengthOf(direction) + 1e-12;
    return origin.map((value, i) => Math.min(1, Math.max(0, value + ((direction[i] as number) * radius) / length)));
  };
  const eachValue = ({ side }: Window, visit: (row: number, column: number) => void) => {
    for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) visit(row, column);
  };
  return {
    first() {
      const side = Math.max(1, Math.floor(Math.min(height, width) / 5));
      const perturbation = new Float32Array(origin.length);
      for (let top = 0; top + side <= height; top += side) {
        for (let left = 0; left + side <= width; left += side) {
          const [bump, signs] = [bumpOf(side, random), Array.from({ length: channels }, sign)];
          const window = { top, left, side };
          eachValue(window, (row, column) => {
            for (const [channel, own] of signs.entries())
              perturbation[place(window, row, column, channel)] = own * (bump[row * side + column] as number);
          });
        }
      }
      return moved(perturbation);
    },
    next(image, share) {
      const most = Math.min(height, width);
      const side = Math.min(Math.max(3, Math.round(Math.sqrt(share * height * width)) | 1), most);
      const somewhere = (): Window => ({ top: random.integer(0, height - side), left: random.integer(0, width - side), side });
      const [to, from] = [somewhere(), somewhere()];
      const perturbation = image.map((value, i) => value - (origin[i] as number));
      const all = lengthOf(perturbation);
      const bump = bumpOf(side, random);
      for (let channel = 0; channel < channels; channel++) {
        const own = sign();
        const inside = new Set<number>();
        for (const window of [to, from]) eachValue(window, (row, column) => inside.add(place(window, row, column, channel)));
        const available = lengthOf(perturbation, (i) => inside.has(i)) ** 2 + Math.max(radius ** 2 - all ** 2, 0) / channels;
        const before = lengthOf(perturbation, (i) => inWindow(i, to, width, channels, channel)) + 1e-10;
        const fresh = new Float32Array(side * side);
        eachValue(to, (row, column) => {
          fresh[row * side + column] =
            own * (bump[row * side + column] as number) + (perturbation[place(to, row, column, channel)] as number) / before;
        });
        const scale = Math.sqrt(available) / (lengthOf(fresh) + 1e-10);
        eachValue(from, (row, column) => {
          perturbation[place(from, row, column, channel)] = 0;
        });
        eachValue(to, (row, column) => {
          perturbation[place(to, row, column, channel)] = scale * (fresh[row * side + column] as number);
        });
      }
      return moved(perturbation);
    },
  };
}

function inWindow(i: number, { top, left, side }: Window, width: number, channels: number, channel: number): boolean {
  const [row, column] = [Math.floor(i / (width * channels)), Math.floor(i / channels) % width];
  return i % channels === channel && row >= top && row < top + side && column >= left && column < left + side;
}

function lengthOf(values: Float32Array, counts: (i: number) => boolean = () => true): number {
  let sum = 0;
  for (const [i, value] of values.entries()) if (counts(i)) sum += value * value;
  return Math.sqrt(sum);
}

/** Two halves that fall off from their middles, one up and one down, one above the other or side by side: side x side, of length 1. */
function bumpOf(side: number, random: Random): Float32Array {
  const half = Math.floor(side / 2);
  const values = new Float32Array(side * side);
  const upright = random.uniform() < 0.5;
  const put = (rows: number, first: number, own: number) => {
    const hill = hillOf(rows, side);
    for (const [i, value] of hill.entries()) {
      const [row, column] = [first + Math.floor(i / side), i % side];
      values[upright ? row * side + column : column * side + row] = own * value;
    }
  };
  put(half, 0, 1);
  put(side - half, half, -1);
  const length = lengthOf(values) + 1e-12;
  return values.map((value) => value / length);
}

/**
 * The sum of squares about the middle, the n-th wider by one all round than the one before and worth 1 / n^2: rows x columns, of length 1.
 */
function hillOf(rows: number, columns: number): Float32Array {
  const values = new Float32Array(rows * columns);
  const middle = [Math.floor(rows / 2), Math.floor(columns / 2)] as const;
  for (let n = 0; n <= Math.max(...middle); n++) {
    for (let row = Math.max(0, middle[0] - n); row <= Math.min(rows - 1, middle[0] + n); row++) {
      for (let column = Math.max(0, middle[1] - n); column <= Math.min(columns - 1, middle[1] + n); column++)
        values[row * columns + column] = (values[row * columns + column] as number) + 1 / (n + 1) ** 2;
    }
  }
  const length = lengthOf(values) + 1e-12;
  return values.map((value) => value / length);
}

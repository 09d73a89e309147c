import type { Random } from '../shared/random.ts';
import type { Attacked } from './oracle.ts';
import type { SquareMoves } from './square-moves.ts';

/** A part of the image: rows and columns from `top` and `left`. */
interface Window {
  top: number;
  left: number;
  side: number;
}

/**
 * Windows whose change falls off from the middle, of two halves of different sign: what a window has of the squared length goes to another one.
 * As in the authors' code, but that the length of what is clipped to [0, 1] is not made up for.
 */
export function l2Moves({ image: origin, height, width, channels }: Attacked, eps: number, random: Random): SquareMoves {
  const sign = () => (random.uniform() < 0.5 ? -1 : 1);
  const place = ({ top, left }: Window, row: number, column: number, channel: number) =>
    ((top + row) * width + left + column) * channels + channel;
  /** The image changed by so much in that direction. */
  const moved = (change: Float32Array) => {
    const length = lengthOf(change, () => true) + 1e-12;
    return origin.map((value, i) => Math.min(1, Math.max(0, value + ((change[i] as number) * eps) / length)));
  };
  const eachValue = ({ side }: Window, visit: (row: number, column: number) => void) => {
    for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) visit(row, column);
  };
  return {
    first() {
      const side = Math.max(1, Math.floor(Math.min(height, width) / 5));
      const change = new Float32Array(origin.length);
      for (let top = 0; top + side <= height; top += side) {
        for (let left = 0; left + side <= width; left += side) {
          const [bump, signs] = [bumpOf(side, random), Array.from({ length: channels }, sign)];
          const window = { top, left, side };
          eachValue(window, (row, column) => {
            for (const [channel, own] of signs.entries())
              change[place(window, row, column, channel)] = own * (bump[row * side + column] as number);
          });
        }
      }
      return moved(change);
    },
    next(image, share) {
      const most = Math.min(height, width);
      const side = Math.min(Math.max(3, Math.round(Math.sqrt(share * height * width)) | 1), most);
      const somewhere = (): Window => ({ top: random.integer(0, height - side), left: random.integer(0, width - side), side });
      const [to, from] = [somewhere(), somewhere()];
      const change = image.map((value, i) => value - (origin[i] as number));
      const all = lengthOf(change, () => true);
      const bump = bumpOf(side, random);
      for (let channel = 0; channel < channels; channel++) {
        const own = sign();
        const inside = new Set<number>();
        for (const window of [to, from]) eachValue(window, (row, column) => inside.add(place(window, row, column, channel)));
        const available = lengthOf(change, (i) => inside.has(i)) ** 2 + Math.max(eps ** 2 - all ** 2, 0) / channels;
        const before = lengthOf(change, (i) => inWindow(i, to, width, channels, channel)) + 1e-10;
        const fresh = new Float32Array(side * side);
        eachValue(to, (row, column) => {
          fresh[row * side + column] =
            own * (bump[row * side + column] as number) + (change[place(to, row, column, channel)] as number) / before;
        });
        const scale = Math.sqrt(available) / (lengthOf(fresh, () => true) + 1e-10);
        eachValue(from, (row, column) => {
          change[place(from, row, column, channel)] = 0;
        });
        eachValue(to, (row, column) => {
          change[place(to, row, column, channel)] = scale * (fresh[row * side + column] as number);
        });
      }
      return moved(change);
    },
  };
}

function inWindow(i: number, { top, left, side }: Window, width: number, channels: number, channel: number): boolean {
  const [row, column] = [Math.floor(i / (width * channels)), Math.floor(i / channels) % width];
  return i % channels === channel && row >= top && row < top + side && column >= left && column < left + side;
}

function lengthOf(values: Float32Array, counts: (i: number) => boolean): number {
  let sum = 0;
  for (const [i, value] of values.entries()) if (counts(i)) sum += value * value;
  return Math.sqrt(sum);
}

/** Of length 1, side x side: two halves that fall off from their middles, one up and one down, above one another or side by side. */
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
  const length = lengthOf(values, () => true) + 1e-12;
  return values.map((value) => value / length);
}

/** rows x columns: squares about the middle, each wider by one all round and worth 1 / n^2, added up; of length 1. */
function hillOf(rows: number, columns: number): Float32Array {
  const values = new Float32Array(rows * columns);
  const middle = [Math.floor(rows / 2), Math.floor(columns / 2)] as const;
  for (let n = 0; n <= Math.max(...middle); n++) {
    for (let row = Math.max(0, middle[0] - n); row <= Math.min(rows - 1, middle[0] + n); row++) {
      for (let column = Math.max(0, middle[1] - n); column <= Math.min(columns - 1, middle[1] + n); column++)
        values[row * columns + column] = (values[row * columns + column] as number) + 1 / (n + 1) ** 2;
    }
  }
  const length = lengthOf(values, () => true) + 1e-12;
  return values.map((value) => value / length);
}

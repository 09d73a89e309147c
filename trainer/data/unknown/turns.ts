import { imageOf, type Make, painted, type Size } from './make.ts';

/** Turns and mirrors of an image: the place in it that comes to a place, [row, column]. The quarter turns need a square. */
const turns: Record<string, { square?: true; from(row: number, column: number, size: Size): readonly [number, number] }> = {
  'left to right': { from: (row, column, { width }) => [row, width - 1 - column] },
  'top to bottom': { from: (row, column, { height }) => [height - 1 - row, column] },
  'by 180 degrees': { from: (row, column, { height, width }) => [height - 1 - row, width - 1 - column] },
  'by 90 degrees': { square: true, from: (row, column, { height }) => [height - 1 - column, row] },
  'by 270 degrees': { square: true, from: (row, column, { width }) => [column, width - 1 - row] },
};

const MIRRORS = ['left to right', 'top to bottom'];
const TURNS = ['by 180 degrees', 'by 90 degrees', 'by 270 degrees'];

/** Returns the names of the turns that images of this size allow. */
export const turnsOf = ({ height, width }: Size) => Object.keys(turns).filter((name) => height === width || !turns[name]?.square);

export function turned(image: Float32Array, name: string, size: Size): Float32Array {
  const turn = turns[name] as (typeof turns)[string];
  return painted(size, (row, column, channel) => {
    const [y, x] = turn.from(row, column, size);
    return image[(y * size.width + x) * size.channels + channel] as number;
  });
}

/** Takes one of the turns, and an image of a class that looks like no class after it. */
const oneOf =
  (names: string[]): Make =>
  (genuine, size, random) => {
    const pairs = names.flatMap((name) => {
      const classes = genuine.unlike(name);
      return Array.from({ length: genuine.count }, (_, i) => i)
        .filter((i) => classes.has(genuine.label(i) ?? -1))
        .map((i) => [name, i] as const);
    });
    if (pairs.length === 0) return null;
    const [name, index] = pairs[random.integer(0, pairs.length - 1)] as (typeof pairs)[number];
    return turned(imageOf(genuine, size, index), name, size);
  };

export const mirroredOnes = oneOf(MIRRORS);
export const turnedOnes = oneOf(TURNS);

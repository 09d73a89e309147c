import type { Random } from '../../../shared/random.ts';
import { amountsOf, inkOf, isOneStroke } from './ink.ts';
import { anyImage, field, isOther, type Make, painted, type Size, twoImages } from './make.ts';

/* Unknown images made of parts of one's own. */

/** Joins two images of different classes, side by side along a wavy border, or one on top of the other. */
export const joined: Make = (genuine, size, random) => {
  const two = twoImages(genuine, size, random);
  if (!two) return shuffled(genuine, size, random);
  const [a, b] = two;
  const overlaid = a.map((value, i) => Math.max(value, b[i] as number));
  if (random.integer(0, 1) === 0) return overlaid;
  const side = field(size, random, 2);
  const joint = a.map((value, i) => ((side[Math.floor(i / size.channels)] as number) > 0 ? value : (b[i] as number)));
  // The border may miss the objects.
  return isOther(joint, a) && isOther(joint, b) ? joint : overlaid;
};

/** Puts the tiles of an image in another order. */
export const shuffled: Make = (genuine, size, random) => {
  const { height, width, channels } = size;
  const image = anyImage(genuine, size, random);
  const tiles = random.integer(2, 4);
  const [high, wide] = [Math.floor(height / tiles), Math.floor(width / tiles)];
  const order = random.shuffle(Array.from({ length: tiles * tiles }, (_, i) => i));
  const output = image.slice();
  order.forEach((from, to) => {
    const at = (tile: number) => [Math.floor(tile / tiles) * high, (tile % tiles) * wide] as const;
    const [[sourceRow, sourceColumn], [row, column]] = [at(from), at(to)];
    for (let y = 0; y < high; y++) {
      const start = ((sourceRow + y) * width + sourceColumn) * channels;
      output.set(image.subarray(start, start + wide * channels), ((row + y) * width + column) * channels);
    }
  });
  // Tiles may end up where they were, or only empty ones may swap places.
  return isOther(output, image) ? output : inverted(genuine, size, random);
};

/** Swaps light and dark. */
export const inverted: Make = (genuine, size, random) => anyImage(genuine, size, random).map((value) => 1 - value);

/** Pastes the middle of an image into one of another class. */
export const pasted: Make = (genuine, size, random) => {
  const { height, width, channels } = size;
  const two = twoImages(genuine, size, random);
  if (!two) return null;
  const [a, b] = two;
  const share = 0.4 + 0.2 * random.uniform();
  const [high, wide] = [Math.round(height * share), Math.round(width * share)];
  const [top, left] = [Math.round((height - high) / 2), Math.round((width - wide) / 2)];
  const output = a.slice();
  for (let row = top; row < top + high; row++) {
    const start = (row * width + left) * channels;
    output.set(b.subarray(start, start + wide * channels), start);
  }
  return isOther(output, a, 0.2) && isOther(output, b, 0.2) ? output : null;
};

/** A border across an image: returns how far a place is beyond it, along a random direction; at times it is wavy. */
function border(
  [row, column]: readonly [number, number],
  { height, width }: Size,
  random: Random,
): (row: number, column: number) => number {
  const side = Math.max(height, width) / 28;
  const angle = random.uniform() < 0.5 ? (random.integer(0, 3) * Math.PI) / 2 : 2 * Math.PI * random.uniform();
  const [down, across] = [Math.sin(angle), Math.cos(angle)];
  const offset = 2 * side * (2 * random.uniform() - 1);
  const [swing, pace, phase] = [
    random.uniform() < 0.4 ? side * (1 + 2 * random.uniform()) : 0,
    (0.15 + 0.3 * random.uniform()) / side,
    7 * random.uniform(),
  ];
  return (y, x) => {
    const [beyond, along] = [(y - row) * down + (x - column) * across, (x - column) * down - (y - row) * across];
    return beyond - offset + swing * Math.sin(pace * along + phase);
  };
}

/** Takes the place of an image from one or from another. */
function choose(
  size: Size,
  takesFirst: (row: number, column: number) => boolean,
  first: Float32Array,
  second: (i: number) => number,
): Float32Array {
  const { width, channels } = size;
  return first.map((level, i) => (takesFirst(Math.floor(i / (width * channels)), Math.floor(i / channels) % width) ? level : second(i)));
}

/** Joins two images of different classes along one border, or gives one of them a corner of the other. */
export const spliced: Make = (genuine, size, random) => {
  const two = twoImages(genuine, size, random);
  if (!two) return null;
  const [a, b] = two;
  const middle = [(size.height - 1) / 2, (size.width - 1) / 2] as const;
  const borders = [border(middle, size, random), ...(random.uniform() < 0.25 ? [border(middle, size, random)] : [])];
  const joint = choose(
    size,
    (row, column) => borders.every((beyond) => beyond(row, column) > 0),
    a,
    (i) => b[i] as number,
  );
  return isOther(joint, a, 0.25) && isOther(joint, b, 0.25) ? joint : overlaid(genuine, size, random);
};

/** Lays one image over another of a different class, a little beside it: where either shows something, that is seen. */
export const overlaid: Make = (genuine, size, random) => {
  const two = twoImages(genuine, size, random);
  if (!two) return null;
  const [a, b] = two;
  const reach = Math.round(Math.max(size.height, size.width) / 7);
  return centredAs(a, laidOver(a, moved(b, size, random.integer(-reach, reach), random.integer(-reach, reach)), size), size);
};

/** Moves what an image shows to where another shows it, by their centres of mass. */
export function centredAs(original: Float32Array, image: Float32Array, size: Size): Float32Array {
  const [wanted, found] = [inkOf(original, size)?.center, inkOf(image, size)?.center];
  if (!wanted || !found) return image;
  const [down, right] = [Math.round(wanted[0] - found[0]), Math.round(wanted[1] - found[1])];
  return down === 0 && right === 0 ? image : moved(image, size, down, right);
}

/** Lays what the second image shows on its background over the first. */
export function laidOver(a: Float32Array, b: Float32Array, size: Size): Float32Array {
  const [under, over] = [amountsOf(a, size).amounts, amountsOf(b, size).amounts];
  return a.map((level, i) => {
    const place = Math.floor(i / size.channels);
    return (over[place] as number) > (under[place] as number) ? (b[i] as number) : level;
  });
}

/** Moves an image by whole pixels; what leaves on one side comes in on the other. */
function moved(image: Float32Array, { height, width, channels }: Size, down: number, right: number): Float32Array {
  return painted({ height, width, channels }, (row, column, channel) => {
    const [y, x] = [(row - down + height) % height, (column - right + width) % width];
    return image[(y * width + x) * channels + channel] as number;
  });
}

/** Erases a half or a quarter of what an image shows; but of a single stroke, which would only be shorter. */
export const erased: Make = (genuine, size, random) => {
  const image = anyImage(genuine, size, random);
  const ink = inkOf(image, size);
  if (!ink || isOneStroke(image, size)) return null;
  const borders = [border(ink.center, size, random), ...(random.uniform() < 0.4 ? [border(ink.center, size, random)] : [])];
  const kept = choose(
    size,
    (row, column) => borders.some((beyond) => beyond(row, column) > 0),
    image,
    (i) => ink.background[i % size.channels] as number,
  );
  const left = massOf(kept, size) / massOf(image, size);
  if (left < 0.25 || left > 0.7) return null;
  if (random.uniform() < 0.5) return kept;
  return centredAs(image, kept, size);
};

const massOf = (image: Float32Array, size: Size) => amountsOf(image, size).amounts.reduce((sum, amount) => sum + amount, 0);

/** Swaps the upper half of an image with the lower, or the left with the right. */
export const swapped: Make = (genuine, size, random) => {
  const image = anyImage(genuine, size, random);
  if (isOneStroke(image, size)) return null;
  return random.uniform() < 0.5 ? moved(image, size, Math.floor(size.height / 2), 0) : moved(image, size, 0, Math.floor(size.width / 2));
};

/** Bends an image by a smooth random displacement. */
export const warped: Make = (genuine, size, random) => {
  const { height, width, channels } = size;
  const image = anyImage(genuine, size, random);
  const amount = ((2.5 + 2.5 * random.uniform()) * Math.max(height, width)) / 28;
  const [down, right] = [field(size, random, 3), field(size, random, 3)];
  const at = (row: number, column: number, channel: number) =>
    image[(Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))) * channels + channel] as number;
  const bent = painted(size, (row, column, channel) => {
    const [y, x] = [row + amount * (down[row * width + column] as number), column + amount * (right[row * width + column] as number)];
    const [top, left] = [Math.floor(y), Math.floor(x)];
    const [below, beside] = [y - top, x - left];
    const level = (r: number) => at(r, left, channel) * (1 - beside) + at(r, left + 1, channel) * beside;
    return level(top) * (1 - below) + level(top + 1) * below;
  });
  return centredAs(image, bent, size);
};

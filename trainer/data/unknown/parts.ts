import { inkOf } from './ink.ts';
import { anyImage, field, isOther, type Make, twoImages } from './make.ts';

/* Images of no class made of parts of one's own. */

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

/** Erases one side of a line through the centre of what an image shows. */
export const erased: Make = (genuine, size, random) => {
  const { width, channels } = size;
  const image = anyImage(genuine, size, random);
  const ink = inkOf(image, size);
  if (!ink) return null;
  const angle = 2 * Math.PI * random.uniform();
  const [down, across] = [Math.sin(angle), Math.cos(angle)];
  const [row, column] = ink.center;
  return image.map((level, i) => {
    const side = (Math.floor(i / (width * channels)) - row) * down + ((Math.floor(i / channels) % width) - column) * across;
    return side > 0 ? (ink.background[i % channels] as number) : level;
  });
};

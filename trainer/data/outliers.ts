import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Random } from '../../shared/random.ts';

/** The images of a batch that outliers are made from. */
export interface Genuine {
  /** [count, H, W, C] flat, in [0, 1] */
  values: Float32Array;
  count: number;
  /** Says whether two of them are known to be of the same class. */
  areAlike(a: number, b: number): boolean;
}

type Make = (genuine: Genuine, size: Screening['input'], random: Random) => Float32Array;

/**
 * Makes an image that belongs to no class, for outlier exposure (Hendrycks, Mazeika and Dietterich 2019): the encoder learns to put it far
 * from every mean. It is made from the batch itself, so no other data set is needed.
 */
export const makeOutlier: Make = (genuine, size, random) => {
  const make = KINDS[random.integer(0, KINDS.length - 1)] as Make;
  return make(genuine, size, random);
};

/** Joins two images of different classes, side by side along a wavy border, or one on top of the other. */
const joined: Make = (genuine, size, random) => {
  const first = random.integer(0, genuine.count - 1);
  const others = Array.from({ length: genuine.count }, (_, i) => i).filter((i) => i !== first && !genuine.areAlike(first, i));
  if (others.length === 0) return shuffled(genuine, size, random);
  const second = others[random.integer(0, others.length - 1)] as number;
  const [a, b] = [imageOf(genuine, size, first), imageOf(genuine, size, second)];
  const overlaid = a.map((value, i) => Math.max(value, b[i] as number));
  if (random.integer(0, 1) === 0) return overlaid;
  const side = field(size, random, 2);
  const joint = a.map((value, i) => ((side[Math.floor(i / size.channels)] as number) > 0 ? value : (b[i] as number)));
  // The border may miss the objects.
  return isOther(joint, a) && isOther(joint, b) ? joint : overlaid;
};

/** Puts the tiles of an image in another order. */
const shuffled: Make = (genuine, size, random) => {
  const { height, width, channels } = size;
  const image = imageOf(genuine, size, random.integer(0, genuine.count - 1));
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
const inverted: Make = (genuine, size, random) => imageOf(genuine, size, random.integer(0, genuine.count - 1)).map((value) => 1 - value);

/** Draws noise of random contrast, in squares of random size. */
const noise: Make = (_, { height, width, channels }, random) => {
  const square = 2 ** random.integer(0, 3);
  const [low, high] = [random.uniform() * 0.5, 0.5 + random.uniform() * 0.5];
  const across = Math.ceil(width / square);
  const levels = Float32Array.from({ length: across * Math.ceil(height / square) * channels }, () => low + (high - low) * random.uniform());
  return drawn({ height, width, channels }, (row, column, channel) => {
    const cell = Math.floor(row / square) * across + Math.floor(column / square);
    return levels[cell * channels + channel] as number;
  });
};

/** Fills the image with one level per channel. */
const plain: Make = (_, size, random) => {
  const levels = Array.from({ length: size.channels }, () => [0, 1, random.uniform()][random.integer(0, 2)] as number);
  return drawn(size, (_row, _column, channel) => levels[channel] as number);
};

/** Draws textured shapes on a plain background, from stripes to blots. */
const shapes: Make = (_, size, random) => {
  const [shape, inside] = [field(size, random, random.integer(1, 3)), field(size, random, random.integer(1, 6))];
  const threshold = random.normal() * 0.5;
  const texture = random.uniform() * 0.5;
  const levels = Array.from({ length: size.channels }, () => [random.uniform(), random.integer(0, 1) * random.uniform()] as const);
  return drawn(size, (row, column, channel) => {
    const at = row * size.width + column;
    const [light, background] = levels[channel] as readonly [number, number];
    if ((shape[at] as number) <= threshold) return background;
    return Math.min(1, Math.max(0, light + texture * (inside[at] as number)));
  });
};

/** Draws a filled outline that is symmetric from left to right, as most objects in front of a camera are. */
const things: Make = (_, size, random) => {
  const { height, width } = size;
  const outline = Float32Array.from({ length: 6 }, () => random.uniform());
  const [top, bottom] = [random.uniform() * 0.3 * height, height * (0.7 + 0.3 * random.uniform())];
  const [level, texture] = [0.3 + 0.7 * random.uniform(), field(size, random, random.integer(1, 6))];
  const gap = random.uniform() < 0.3 ? random.uniform() * 0.2 : 0;
  const rough = random.uniform() * 0.3;
  return drawn(size, (row, column, channel) => {
    if (row < top || row > bottom) return 0;
    const place = (5 * (row - top)) / Math.max(1, bottom - top);
    const [from, to] = [outline[Math.floor(place)] as number, outline[Math.min(5, Math.floor(place) + 1)] as number];
    const half = 0.05 + 0.45 * (from + (to - from) * (place % 1));
    const away = Math.abs((column + 0.5) / width - 0.5);
    if (away > half || away < gap * (row / height)) return 0;
    return Math.min(1, Math.max(0, level + rough * (texture[row * width + column] as number) - 0.1 * channel * rough));
  });
};

/** Says whether an image differs from another by a good part of that one's content. */
function isOther(image: Float32Array, from: Float32Array): boolean {
  const mean = from.reduce((sum, value) => sum + value, 0) / from.length;
  const content = from.reduce((sum, value) => sum + Math.abs(value - mean), 0);
  return from.reduce((sum, value, i) => sum + Math.abs(value - (image[i] as number)), 0) > 0.4 * content;
}

const KINDS: Make[] = [joined, joined, shuffled, inverted, noise, plain, shapes, shapes, things, things];

/** Returns a smooth random field of mean 0 and variance about 1, a few plane waves of up to `periods` across the image: [H * W]. */
function field({ height, width }: Screening['input'], random: Random, periods: number): Float32Array {
  const waves = Array.from({ length: 5 }, () => {
    const angle = 2 * Math.PI * random.uniform();
    const pace = (2 * Math.PI * periods * random.uniform()) / Math.max(height, width);
    return [pace * Math.sin(angle), pace * Math.cos(angle), 2 * Math.PI * random.uniform()] as const;
  });
  const values = new Float32Array(height * width);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      values[row * width + column] =
        Math.sqrt(2 / waves.length) * waves.reduce((sum, [down, across, phase]) => sum + Math.sin(down * row + across * column + phase), 0);
  return values;
}

function drawn(
  { height, width, channels }: Screening['input'],
  level: (row: number, column: number, channel: number) => number,
): Float32Array {
  const image = new Float32Array(height * width * channels);
  let at = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < channels; channel++) image[at++] = level(row, column, channel);
  return image;
}

function imageOf({ values }: Genuine, { height, width, channels }: Screening['input'], index: number): Float32Array {
  const size = height * width * channels;
  return values.slice(index * size, (index + 1) * size);
}

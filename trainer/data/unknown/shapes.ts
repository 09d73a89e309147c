import { field, type Make, painted } from './make.ts';

/* Unknown images that are drawn from nothing. */

/** Draws noise of random contrast, in squares of random size. */
export const noise: Make = (_, size, random) => {
  const { height, width, channels } = size;
  const square = 2 ** random.integer(0, 3);
  const [low, high] = [random.uniform() * 0.5, 0.5 + random.uniform() * 0.5];
  const across = Math.ceil(width / square);
  const levels = Float32Array.from({ length: across * Math.ceil(height / square) * channels }, () => low + (high - low) * random.uniform());
  return painted(size, (row, column, channel) => {
    const cell = Math.floor(row / square) * across + Math.floor(column / square);
    return levels[cell * channels + channel] as number;
  });
};

/** Fills the image with one level per channel. */
export const plain: Make = (_, size, random) => {
  const levels = Array.from({ length: size.channels }, () => [0, 1, random.uniform()][random.integer(0, 2)] as number);
  return painted(size, (_row, _column, channel) => levels[channel] as number);
};

/** Draws textured shapes on a plain background, from stripes to blots. */
export const shapes: Make = (_, size, random) => {
  const [shape, inside] = [field(size, random, random.integer(1, 3)), field(size, random, random.integer(1, 6))];
  const threshold = random.normal() * 0.5;
  const texture = random.uniform() * 0.5;
  const levels = Array.from({ length: size.channels }, () => [random.uniform(), random.integer(0, 1) * random.uniform()] as const);
  return painted(size, (row, column, channel) => {
    const at = row * size.width + column;
    const [light, background] = levels[channel] as readonly [number, number];
    if ((shape[at] as number) <= threshold) return background;
    return Math.min(1, Math.max(0, light + texture * (inside[at] as number)));
  });
};

/** Draws a filled outline that is symmetric from left to right, as most objects in front of a camera are. */
export const things: Make = (_, size, random) => {
  const { height, width } = size;
  const outline = Float32Array.from({ length: 6 }, () => random.uniform());
  const [top, bottom] = [random.uniform() * 0.3 * height, height * (0.7 + 0.3 * random.uniform())];
  const [level, texture] = [0.3 + 0.7 * random.uniform(), field(size, random, random.integer(1, 6))];
  const gap = random.uniform() < 0.3 ? random.uniform() * 0.2 : 0;
  const rough = random.uniform() * 0.3;
  return painted(size, (row, column, channel) => {
    if (row < top || row > bottom) return 0;
    const place = (5 * (row - top)) / Math.max(1, bottom - top);
    const [from, to] = [outline[Math.floor(place)] as number, outline[Math.min(5, Math.floor(place) + 1)] as number];
    const half = 0.05 + 0.45 * (from + (to - from) * (place % 1));
    const away = Math.abs((column + 0.5) / width - 0.5);
    if (away > half || away < gap * (row / height)) return 0;
    return Math.min(1, Math.max(0, level + rough * (texture[row * width + column] as number) - 0.1 * channel * rough));
  });
};

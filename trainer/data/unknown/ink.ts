import { painted, type Size } from './make.ts';

/** Measurements of the strokes that an image shows on its background, so that what is drawn instead has the same look. */
export interface Ink {
  /** Level of each channel beside and in the ink. */
  background: number[];
  level: number[];
  /** Larger side of its box, in pixels. */
  extent: number;
  /** Centre of mass: row, column. */
  center: [number, number];
  /** Width of its strokes in pixels: twice the area over the length of the outline. */
  stroke: number;
}

/** A pixel belongs to the box where it has this share of the strongest ink. */
const IN_BOX = 0.25;
const STRONG = 0.75;

/** Returns how far each pixel is from the level at the border, a mean over the channels, and that level: [H * W], [C]. */
export function amountsOf(image: Float32Array, { height, width, channels }: Size): { amounts: Float32Array; background: number[] } {
  const border: number[] = [];
  for (let column = 0; column < width; column++) border.push(column, (height - 1) * width + column);
  for (let row = 1; row < height - 1; row++) border.push(row * width, row * width + width - 1);
  const background = Array.from({ length: channels }, (_, channel) =>
    median(Float32Array.from(border, (place) => image[place * channels + channel] as number)),
  );
  const amounts = new Float32Array(height * width);
  for (let place = 0, i = 0; place < amounts.length; place++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += Math.abs((image[i++] as number) - (background[channel] as number));
    amounts[place] = sum / channels;
  }
  return { amounts, background };
}

/** Measures the ink of an image. @returns null for an image of one level */
export function inkOf(image: Float32Array, size: Size): Ink | null {
  const { height, width, channels } = size;
  const at = (row: number, column: number, channel: number) => image[(row * width + column) * channels + channel] as number;
  const { amounts: amount, background } = amountsOf(image, size);
  const strongest = amount.reduce((most, value) => Math.max(most, value), 0);
  if (strongest < 0.1) return null;
  let [area, outline, top, bottom, left, right, down, across, strong] = [0, 0, height, 0, width, 0, 0, 0, 0];
  const level = new Array<number>(channels).fill(0);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const here = (amount[row * width + column] as number) / strongest;
      area += here;
      down += here * row;
      across += here * column;
      if (row > 0) outline += Math.abs(here - (amount[(row - 1) * width + column] as number) / strongest);
      if (column > 0) outline += Math.abs(here - (amount[row * width + column - 1] as number) / strongest);
      if (here > IN_BOX) [top, bottom, left, right] = [Math.min(top, row), row, Math.min(left, column), Math.max(right, column)];
      if (here < STRONG) continue;
      strong += 1;
      for (let channel = 0; channel < channels; channel++) level[channel] = (level[channel] as number) + at(row, column, channel);
    }
  return {
    background,
    level: level.map((sum) => sum / strong),
    extent: Math.max(bottom - top, right - left) + 1,
    center: [down / area, across / area],
    // Steps along rows and columns overstate the length of a slanted line by 4 / pi, on average.
    stroke: Math.min(height / 4, Math.max(1, (2 * area) / Math.max(1, (outline * Math.PI) / 4))),
  };
}

function median(values: Float32Array): number {
  return values.sort()[Math.floor(values.length / 2)] as number;
}

/** Ratio of the variances across and along a single straight stroke, at most. */
const ONE_STROKE = 0.08;

/** Says whether an image shows but one straight stroke, whose parts are strokes again. */
export function isOneStroke(image: Float32Array, size: Size): boolean {
  const { amounts } = amountsOf(image, size);
  let [mass, y, x, yy, xx, xy] = [1e-9, 0, 0, 0, 0, 0];
  for (let i = 0; i < amounts.length; i++) {
    const [amount, row, column] = [amounts[i] as number, Math.floor(i / size.width), i % size.width];
    mass += amount;
    y += amount * row;
    x += amount * column;
    yy += amount * row * row;
    xx += amount * column * column;
    xy += amount * row * column;
  }
  const [down, across, both] = [yy / mass - (y / mass) ** 2, xx / mass - (x / mass) ** 2, xy / mass - (y * x) / mass ** 2];
  const [middle, apart] = [(down + across) / 2, Math.hypot((down - across) / 2, both)];
  return middle - apart < ONE_STROKE * (middle + apart);
}

/** y, x */
export type Point = readonly [number, number];

/**
 * Draws lines that look like the ink of an image: as large, as thick, as dark, with the same centre of mass.
 *
 * @param lines each of two points or more
 */
export function drawnAs(ink: Ink, lines: readonly (readonly Point[])[], size: Size): Float32Array {
  const segments = lines.flatMap((points) => points.slice(1).map((to, i) => [points[i] as Point, to] as const));
  const points = lines.flat();
  const span = (axis: 0 | 1) => Math.max(...points.map((point) => point[axis])) - Math.min(...points.map((point) => point[axis]));
  const scale = Math.max(1, ink.extent - ink.stroke) / Math.max(1e-6, span(0), span(1));
  const lengths = segments.map(([[y, x], [toY, toX]]) => Math.hypot(toY - y, toX - x));
  const length = Math.max(
    1e-6,
    lengths.reduce((sum, value) => sum + value, 0),
  );
  const mean = (axis: 0 | 1) =>
    segments.reduce((sum, [from, to], i) => sum + ((from[axis] + to[axis]) / 2) * (lengths[i] as number), 0) / length;
  const [middleY, middleX] = [mean(0), mean(1)];
  const place = ([y, x]: Point): Point => [ink.center[0] + scale * (y - middleY), ink.center[1] + scale * (x - middleX)];
  const covered = new Float32Array(size.height * size.width);
  const half = ink.stroke / 2;
  for (const [from, to] of segments) cover(covered, size, place(from), place(to), half);
  return painted(size, (row, column, channel) => {
    const [background, level] = [ink.background[channel] as number, ink.level[channel] as number];
    return background + (level - background) * (covered[row * size.width + column] as number);
  });
}

/** Covers the pixels near a segment, with a soft edge of a pixel. */
function cover(covered: Float32Array, { height, width }: Size, [y0, x0]: Point, [y1, x1]: Point, half: number): void {
  const reach = half + 1;
  const [dy, dx] = [y1 - y0, x1 - x0];
  const square = dy * dy + dx * dx;
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + reach));
  const right = Math.min(width - 1, Math.ceil(Math.max(x0, x1) + reach));
  for (let row = Math.max(0, Math.floor(Math.min(y0, y1) - reach)); row <= bottom; row++)
    for (let column = Math.max(0, Math.floor(Math.min(x0, x1) - reach)); column <= right; column++) {
      const along = square === 0 ? 0 : Math.min(1, Math.max(0, ((row - y0) * dy + (column - x0) * dx) / square));
      const distance = Math.hypot(row - y0 - along * dy, column - x0 - along * dx);
      const amount = Math.min(1, Math.max(0, half + 0.5 - distance));
      if (amount > (covered[row * width + column] as number)) covered[row * width + column] = amount;
    }
}

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Random } from '../../shared/random.ts';

type Size = Screening['input'];

/** Corrupts one image, [H, W, C] flat in [0, 1]. Severities go from 1 to 5; 0 leaves the image as it is. */
export type Corruption = (image: Float32Array, size: Size, severity: number, random: Random) => Float32Array;

export const SEVERITIES = [1, 2, 3, 4, 5];

/** Looks a severity up in a table that begins with severity 0. */
const at = (values: readonly number[], severity: number) => values[severity] as number;

/**
 * Natural corruptions, after Hendrycks and Dietterich (ICLR 2019) and MNIST-C (Mu and Gilmer, 2019). After a move, pixels from outside the
 * image take the value of its corner.
 */
export const corruptions: Record<string, Corruption> = {
  rotated: (image, size, severity, random) => {
    const angle = (sign(random) * at([0, 8, 15, 25, 35, 45], severity) * Math.PI) / 180;
    return resampled(image, size, (x, y) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)]);
  },
  shifted: (image, size, severity, random) => {
    const by = at([0, 0.036, 0.072, 0.11, 0.145, 0.18], severity);
    const [right, down] = [sign(random) * by * size.width, sign(random) * by * size.height].map(Math.round) as [number, number];
    return resampled(image, size, (x, y) => [x - right, y - down]);
  },
  scaled: (image, size, severity, random) => {
    const by = 1 + at([0, 0.1, 0.2, 0.3, 0.4, 0.5], severity);
    const factor = random.uniform() < 0.5 ? by : 1 / by;
    return resampled(image, size, (x, y) => [x * factor, y * factor]);
  },
  blurred: (image, size, severity) => blurred(image, size, at([0, 0.02, 0.03, 0.045, 0.06, 0.08], severity) * size.height),
  'contrast lowered': (image, _, severity) => {
    const mean = image.reduce((sum, value) => sum + value, 0) / image.length;
    return image.map((value) => mean + (value - mean) * at([1, 0.75, 0.6, 0.45, 0.3, 0.15], severity));
  },
  brighter: (image, _, severity) => image.map((value) => Math.min(1, value + at([0, 0.1, 0.2, 0.3, 0.4, 0.5], severity))),
  'Gaussian noise': (image, _, severity, random) =>
    image.map((value) => clipped(value + at([0, 0.04, 0.08, 0.15, 0.25, 0.4], severity) * random.normal())),
  'salt and pepper': (image, _, severity, random) => {
    const share = at([0, 0.01, 0.03, 0.06, 0.1, 0.2], severity);
    return image.map((value) => (random.uniform() < share ? random.integer(0, 1) : value));
  },
  'partly covered': (image, { height, width, channels }, severity, random) => {
    const side = Math.round(at([0, 0.1, 0.18, 0.25, 0.32, 0.4], severity) * Math.min(height, width));
    const [top, left] = [random.integer(0, height - side), random.integer(0, width - side)];
    const level = random.integer(0, 1);
    return image.map((value, i) => {
      const [row, column] = [Math.floor(i / (width * channels)), Math.floor(i / channels) % width];
      return row >= top && row < top + side && column >= left && column < left + side ? level : value;
    });
  },
};

const clipped = (value: number) => Math.min(1, Math.max(0, value));
const sign = (random: Random) => (random.uniform() < 0.5 ? -1 : 1);

/** Takes each pixel from the place that `from` returns, bilinearly; both are measured from the middle. */
function resampled(image: Float32Array, { height, width, channels }: Size, from: (x: number, y: number) => [number, number]): Float32Array {
  const result = new Float32Array(image.length);
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y] = from(column - middleX, row - middleY);
      // Rounded, so that whole places stay whole.
      const [atX, atY] = [x + middleX, y + middleY].map((value) => Math.round(value * 1e6) / 1e6) as [number, number];
      for (let channel = 0; channel < channels; channel++)
        result[(row * width + column) * channels + channel] = bilinear(image, { height, width, channels }, atX, atY, channel);
    }
  }
  return result;
}

function bilinear(image: Float32Array, { height, width, channels }: Size, x: number, y: number, channel: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [shareX, shareY] = [x - left, y - top];
  const pixel = (column: number, row: number) =>
    column < 0 || row < 0 || column >= width || row >= height
      ? (image[channel] as number)
      : (image[(row * width + column) * channels + channel] as number);
  const above = (1 - shareX) * pixel(left, top) + shareX * pixel(left + 1, top);
  const below = (1 - shareX) * pixel(left, top + 1) + shareX * pixel(left + 1, top + 1);
  return (1 - shareY) * above + shareY * below;
}

/** Blurs by a Gaussian with this deviation in pixels, along rows, then along columns; outside the image the edge continues. */
function blurred(image: Float32Array, { height, width, channels }: Size, deviation: number): Float32Array {
  if (deviation === 0) return image.slice();
  const reach = Math.ceil(3 * deviation);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const along = (source: Float32Array, place: (row: number, column: number, step: number) => [number, number]) => {
    const result = new Float32Array(source.length);
    for (let i = 0; i < source.length; i++) {
      const [row, column, channel] = [Math.floor(i / (width * channels)), Math.floor(i / channels) % width, i % channels];
      let sum = 0;
      for (const [step, weight] of weights.entries()) {
        const [r, c] = place(row, column, step - reach);
        const [atRow, atColumn] = [Math.min(height - 1, Math.max(0, r)), Math.min(width - 1, Math.max(0, c))];
        sum += weight * (source[(atRow * width + atColumn) * channels + channel] as number);
      }
      result[i] = sum / all;
    }
    return result;
  };
  return along(
    along(image, (row, column, step) => [row, column + step]),
    (row, column, step) => [row + step, column],
  );
}

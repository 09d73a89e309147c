import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Random } from '../../shared/random.ts';
import { compressed } from '../../trainer/data/jpeg-loss.ts';
import { blurred, noisy, relit } from '../../trainer/data/photometric.ts';

type Size = Screening['input'];

/** A change that images undergo without an attacker. */
export interface Corruption {
  /** The strength at each severity, 1 to 5. */
  strengths: readonly [number, number, number, number, number];
  /** Says a strength in words. */
  says(strength: number): string;
  /** True if it does nothing to grey images. */
  needsColour?: boolean;
  /** Changes one image, [H, W, C] flat in [0, 1], into a new one. */
  apply(image: Float32Array, size: Size, strength: number, random: Random): Float32Array;
}

export const SEVERITIES = [1, 2, 3, 4, 5] as const;

const percent = (share: number) => `${+(100 * share).toFixed(1)} %`;
const still = { brightness: 1, contrast: 1, temperature: 0 };

/**
 * Natural corruptions, after Hendrycks and Dietterich (ICLR 2019) and MNIST-C (Mu and Gilmer, 2019). After a move, pixels from outside the
 * image take the value of its corner.
 */
export const corruptions: Record<string, Corruption> = {
  rotated: {
    strengths: [8, 15, 25, 35, 45],
    says: (degrees) => `by ${degrees} degrees`,
    apply(image, size, degrees, random) {
      const angle = (sign(random) * degrees * Math.PI) / 180;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      return resampled(image, size, (x, y) => [x * cos - y * sin, x * sin + y * cos]);
    },
  },
  shifted: {
    strengths: [0.036, 0.072, 0.11, 0.145, 0.18],
    says: (share) => `by ${percent(share)} of each side`,
    apply(image, size, share, random) {
      const [right, down] = [sign(random) * share * size.width, sign(random) * share * size.height].map(Math.round) as [number, number];
      return resampled(image, size, (x, y) => [x - right, y - down]);
    },
  },
  scaled: {
    strengths: [0.1, 0.2, 0.3, 0.4, 0.5],
    says: (share) => `by 1 + ${share}, or divided by it`,
    apply(image, size, share, random) {
      const factor = random.uniform() < 0.5 ? 1 + share : 1 / (1 + share);
      return resampled(image, size, (x, y) => [x * factor, y * factor]);
    },
  },
  blurred: {
    strengths: [0.02, 0.03, 0.045, 0.06, 0.08],
    says: (share) => `a deviation of ${percent(share)} of the height`,
    apply: (image, size, share) => blurred(image, size, share * size.height),
  },
  'contrast lowered': {
    strengths: [0.75, 0.6, 0.45, 0.3, 0.15],
    says: (factor) => `contrast x ${factor}`,
    apply: (image, size, contrast) => relit(image, size, { ...still, contrast }),
  },
  brighter: {
    strengths: [0.1, 0.2, 0.3, 0.4, 0.5],
    says: (more) => `${more} added`,
    apply: (image, _, more) => image.map((value) => Math.min(1, value + more)),
  },
  darker: {
    strengths: [0.85, 0.7, 0.6, 0.5, 0.35],
    says: (factor) => `brightness x ${factor}`,
    apply: (image, size, brightness) => relit(image, size, { ...still, brightness }),
  },
  warmer: {
    strengths: [0.05, 0.1, 0.15, 0.2, 0.3],
    says: (share) => `red x ${+(1 + share).toFixed(2)}, blue x ${+(1 - share).toFixed(2)}`,
    needsColour: true,
    apply: (image, size, temperature) => relit(image, size, { ...still, temperature }),
  },
  'Gaussian noise': {
    strengths: [0.05, 0.1, 0.15, 0.25, 0.4],
    says: (deviation) => `a deviation of ${deviation}`,
    apply: (image, _, deviation, random) => noisy(image, deviation, random),
  },
  'salt and pepper': {
    strengths: [0.01, 0.02, 0.06, 0.1, 0.2],
    says: (share) => `${percent(share)} of the values`,
    apply: (image, _, share, random) => image.map((value) => (random.uniform() < share ? random.integer(0, 1) : value)),
  },
  'partly covered': {
    strengths: [0.1, 0.18, 0.25, 0.32, 0.4],
    says: (share) => `a square of ${percent(share)} of the side`,
    apply(image, { height, width, channels }, share, random) {
      const side = Math.round(share * Math.min(height, width));
      const [top, left] = [random.integer(0, height - side), random.integer(0, width - side)];
      const level = random.integer(0, 1);
      return image.map((value, i) => {
        const [row, column] = [Math.floor(i / (width * channels)), Math.floor(i / channels) % width];
        return row >= top && row < top + side && column >= left && column < left + side ? level : value;
      });
    },
  },
  'JPEG losses': {
    strengths: [80, 65, 50, 30, 15],
    says: (quality) => `quality ${quality}, at the size of the model's input`,
    apply: (image, size, quality) => compressed(image, size, quality),
  },
};

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

import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Random } from '../../shared/random.ts';

type Size = Screening['input'];

/** Changes of light, each leaving an image as it is at 1, 1 and 0. */
export interface Light {
  /** Factor of every value: the lamp. */
  brightness: number;
  /** Factor of the differences from the mean. */
  contrast: number;
  /** Warmer above 0, cooler below: red is multiplied by 1 + t, blue by 1 - t. Grey images do not change. */
  temperature: number;
}

const clipped = (value: number) => Math.min(1, Math.max(0, value));

/** Changes the light in an image, [H, W, C] flat in [0, 1]. */
export function relit(image: Float32Array, { channels }: Size, { brightness, contrast, temperature }: Light): Float32Array {
  const factors = channels === 3 ? [1 + temperature, 1, 1 - temperature] : [1];
  const mean = image.reduce((sum, value) => sum + value, 0) / image.length;
  return image.map((value, i) => clipped((mean + (value - mean) * contrast) * brightness * (factors[i % channels] as number)));
}

/** Adds Gaussian noise of a deviation to every value, as a sensor does. */
export function noisy(image: Float32Array, deviation: number, random: Random): Float32Array {
  return image.map((value) => clipped(value + deviation * random.normal()));
}

/** Blurs by a Gaussian with this deviation in pixels, along rows, then along columns; outside the image the edge continues. */
export function blurred(image: Float32Array, { height, width, channels }: Size, deviation: number): Float32Array {
  if (deviation === 0) return image.slice();
  const reach = Math.ceil(3 * deviation);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const row = width * channels;
  const across = alongLines(image, { lines: height, line: row, places: width, step: channels, channels }, weights, all);
  return alongLines(across, { lines: width, line: channels, places: height, step: row, channels }, weights, all);
}

/** Where the lines of an image lie: how many there are, and the distances from one to the next and between two places of one. */
interface Lines {
  lines: number;
  line: number;
  places: number;
  step: number;
  channels: number;
}

/** Sums neighbours on each line, with weights about the middle one. */
function alongLines(
  image: Float32Array,
  { lines, line, places, step, channels }: Lines,
  weights: readonly number[],
  all: number,
): Float32Array {
  const result = new Float32Array(image.length);
  const reach = weights.length >> 1;
  for (let i = 0; i < lines; i++)
    for (let place = 0; place < places; place++)
      for (let channel = 0; channel < channels; channel++) {
        const first = i * line + channel;
        let sum = 0;
        for (let j = 0; j < weights.length; j++) {
          const at = Math.min(places - 1, Math.max(0, place + j - reach));
          sum += (weights[j] as number) * (image[first + at * step] as number);
        }
        result[first + place * step] = sum / all;
      }
  return result;
}

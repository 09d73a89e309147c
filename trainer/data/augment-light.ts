import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { type Random, randomFrom } from '../../shared/random.ts';
import type { LabelledImages } from './dataset.ts';
import { compressed } from './jpeg-loss.ts';
import { blurred, type Light, noisy, relit } from './photometric.ts';

const range = z.tuple([z.number(), z.number()]);

/** The random changes of light, optics, sensor and file that a training image may have. Each is made with the same probability. */
export const lightSchema = z.strictObject({
  probability: z.number().min(0).max(1),
  /** Least and largest factors. */
  brightness: range,
  contrast: range,
  /** The largest, warmer or cooler. */
  temperature: z.number().min(0).lt(1),
  /** The largest deviation of a Gaussian, as a share of the height. */
  blur: z.number().min(0),
  /** The largest deviation of a Gaussian. */
  noise: z.number().min(0),
  /** Least and largest quality. */
  jpeg: range,
});

export type LightAugmentation = z.infer<typeof lightSchema>;

/** `--augment light`; its strengths were chosen on COIL-100's validation split (docs/training.md). */
export const LIGHT: LightAugmentation = {
  probability: 0.4,
  brightness: [0.4, 1.3],
  contrast: [0.7, 1.2],
  temperature: 0.15,
  blur: 0.02,
  noise: 0.06,
  jpeg: [35, 95],
};

/** The changes of one image; what is null is not made. */
export interface LightChange {
  light: Light | null;
  /** Deviation in pixels. */
  blur: number | null;
  /** Seed, and deviation. */
  noise: { seed: number; deviation: number } | null;
  /** Quality. */
  jpeg: number | null;
}

/** Draws the changes of one image. It draws as many numbers for every image, so a training can be replayed without images. */
export function drawLight(settings: LightAugmentation, { height }: Screening['input'], random: Random): LightChange {
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const happens = () => random.uniform() < settings.probability;
  const drawn = <T>(value: T): T | null => (happens() ? value : null);
  const brightness = drawn(between(...settings.brightness));
  const contrast = drawn(between(...settings.contrast));
  const temperature = drawn(between(-settings.temperature, settings.temperature));
  const isLit = brightness !== null || contrast !== null || temperature !== null;
  return {
    light: isLit ? { brightness: brightness ?? 1, contrast: contrast ?? 1, temperature: temperature ?? 0 } : null,
    blur: drawn(between(0, settings.blur * height)),
    noise: drawn({ seed: random.integer(0, 2 ** 31 - 1), deviation: between(0, settings.noise) }),
    jpeg: drawn(Math.round(between(...settings.jpeg))),
  };
}

/** Returns the changed image, [H, W, C] flat in [0, 1]: in the order in which a camera makes the changes. */
export function withLight(image: Float32Array, size: Screening['input'], { light, blur, noise, jpeg }: LightChange): Float32Array {
  let changed = image;
  if (light) changed = relit(changed, size, light);
  if (blur !== null) changed = blurred(changed, size, blur);
  if (noise) changed = noisy(changed, noise.deviation, randomFrom(noise.seed, 'noise'));
  return jpeg === null ? changed : compressed(changed, size, jpeg);
}

/**
 * Returns the images as they may look on other days: each with its own random changes, the same for the same seed. Thresholds that are set
 * on them keep their promise for images under such changes.
 */
export function imagesInLight(images: LabelledImages, size: Screening['input'], settings: LightAugmentation, seed: number): LabelledImages {
  return {
    count: images.count,
    labels: images.labels,
    image(index) {
      const levels = images.image(index);
      const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b), 'light');
      // Neighbouring seeds begin alike.
      for (let i = 0; i < 16; i++) random.uniform();
      const change = drawLight(settings, size, random);
      const changed = withLight(
        Float32Array.from(levels, (level) => level / 255),
        size,
        change,
      );
      return Uint8Array.from(changed, (value) => Math.round(255 * value));
    },
  };
}

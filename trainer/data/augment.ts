import { z } from 'zod';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import type { Random } from '../../shared/random.ts';

/** The largest random changes to a training image, in each direction. */
export const augmentationSchema = z.strictObject({
  /** In pixels. */
  shift: z.int().nonnegative(),
  /** In degrees. */
  rotation: z.number().min(0).max(180),
  /** As a share of each side. */
  scale: z.number().min(0).lt(1),
  /** Sideways, per unit of height. */
  shear: z.number().min(0).lt(1),
  /** Share of the images that are only shifted, by whole pixels, and so stay as sharp as they are. */
  still: z.number().min(0).max(1).optional(),
});

export type Augmentation = z.infer<typeof augmentationSchema>;

/** Maps a pixel of the new image to a place in the old one: y, x -> (a y + b x + c, d y + e x + f). */
export type Affine = [number, number, number, number, number, number];

/** Draws the random transform of one image. It draws as many numbers for every image, so a training can be replayed without images. */
export function drawTransform(
  { shift, rotation, scale, shear, still = 0 }: Augmentation,
  { height, width }: Screening['input'],
  random: Random,
): Affine {
  const [down, right] = [random.integer(-shift, shift), random.integer(-shift, shift)];
  if (rotation === 0 && scale === 0 && shear === 0) return [1, 0, -down, 0, 1, -right];
  const spread = (size: number) => size * (2 * random.uniform() - 1);
  const angle = spread((rotation * Math.PI) / 180);
  const [vertical, horizontal, slant] = [1 / (1 + spread(scale)), 1 / (1 + spread(scale)), spread(shear)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  if (still > 0 && random.uniform() < still) return [1, 0, -down, 0, 1, -right];
  // Shear, then rotate, then scale, about the center.
  const [a, b] = [vertical * (cos + slant * sin), vertical * sin];
  const [d, e] = [horizontal * (slant * cos - sin), horizontal * cos];
  const [centerY, centerX] = [(height - 1) / 2, (width - 1) / 2];
  const [y, x] = [centerY + down, centerX + right];
  return [a, b, centerY - a * y - b * x, d, e, centerX - d * y - e * x];
}

/**
 * Writes the transformed image, interpolated bilinearly; beyond the border the border pixel is repeated.
 *
 * @param from levels 0 to 255, [H, W, C]
 * @param to receives values in [0, 1], from `at` on
 */
export function transformImage(
  from: Uint8Array | Uint8ClampedArray,
  [a, b, c, d, e, f]: Affine,
  { height, width, channels }: Screening['input'],
  to: Float32Array,
  at: number,
): void {
  const inside = (value: number, side: number) => Math.min(side - 1, Math.max(0, value));
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [y, x] = [a * row + b * column + c, d * row + e * column + f];
      const [top, left] = [Math.floor(y), Math.floor(x)];
      const [down, right] = [y - top, x - left];
      const [y0, y1] = [inside(top, height) * width, inside(top + 1, height) * width];
      const [x0, x1] = [inside(left, width), inside(left + 1, width)];
      for (let channel = 0; channel < channels; channel++) {
        const level = (place: number) => from[place * channels + channel] as number;
        const above = level(y0 + x0) * (1 - right) + level(y0 + x1) * right;
        const below = level(y1 + x0) * (1 - right) + level(y1 + x1) * right;
        to[at++] = (above * (1 - down) + below * down) / 255;
      }
    }
  }
}

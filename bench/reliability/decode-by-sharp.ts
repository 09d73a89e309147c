import sharp from 'sharp';
import type { DecodedImage } from '../../shared/images/image.ts';
import { type Background, rgbOf } from '../../shared/images/opaque.ts';

/**
 * Decodes a file as `shared/images` does, but by libvips: nothing of the project's decoders. Transparent pixels are laid over the
 * background, and the picture is turned upright.
 *
 * @throws Error where libvips can't decode it
 */
export async function decodeBySharp(bytes: Uint8Array, background: Background = 0): Promise<DecodedImage> {
  const { channels: stored = 3, hasAlpha = false, space } = await sharp(bytes).metadata();
  const behind = rgbOf(background);
  const isColoured = hasAlpha && behind.some((level) => level !== behind[0]);
  const isGrey = space === 'b-w' || space === 'grey16' || stored - (hasAlpha ? 1 : 0) === 1;
  const channels = isGrey && !isColoured ? 1 : 3;
  const image = sharp(bytes, { failOn: 'truncated', ignoreIcc: true }).autoOrient().toColourspace('srgb').ensureAlpha();
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[4 * i + 3] as number;
    for (let channel = 0; channel < channels; channel++) {
      const level = data[4 * i + channel] as number;
      pixels[i * channels + channel] = Math.round((level * alpha + (behind[channel] as number) * (255 - alpha)) / 255);
    }
  }
  return { width, height, channels, pixels };
}

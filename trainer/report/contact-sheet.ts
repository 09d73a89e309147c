import sharp from 'sharp';
import type { Screening } from '../../shared/bundle/screening-schema.ts';

/**
 * Images side by side as one PNG.
 *
 * @param images each [H, W, C] in [0, 1]
 * @param columns images in a row
 */
export async function contactSheetPng(
  images: readonly ArrayLike<number>[],
  { height, width, channels }: Screening['input'],
  columns: number,
): Promise<Buffer> {
  const gap = 2;
  const rows = Math.ceil(images.length / columns);
  const [wide, high] = [columns * (width + gap) - gap, rows * (height + gap) - gap];
  const levels = Buffer.alloc(wide * high * channels, 128);
  images.forEach((image, i) => {
    const [top, left] = [Math.floor(i / columns) * (height + gap), (i % columns) * (width + gap)];
    for (let row = 0; row < height; row++) {
      for (let at = 0; at < width * channels; at++)
        levels[((top + row) * wide + left) * channels + at] = Math.round(255 * (image[row * width * channels + at] as number));
    }
  });
  return sharp(levels, { raw: { width: wide, height: high, channels } })
    .png()
    .toBuffer();
}

/** The same as a data URI. */
export async function contactSheet(...sheet: Parameters<typeof contactSheetPng>): Promise<string> {
  return `data:image/png;base64,${(await contactSheetPng(...sheet)).toString('base64')}`;
}

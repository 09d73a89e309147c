import sharp from 'sharp';
import type { Screening } from '../../shared/bundle/screening-schema.ts';

/** Pixels between images. */
const GAP = 2;

/**
 * Arranges images in rows and returns them as one PNG.
 *
 * @param images each [H, W, C] in [0, 1]
 * @param columns images in a row
 */
export async function contactSheetPng(
  images: readonly ArrayLike<number>[],
  { height, width, channels }: Screening['input'],
  columns: number,
): Promise<Buffer> {
  const rows = Math.ceil(images.length / columns);
  const [wide, high] = [columns * (width + GAP) - GAP, rows * (height + GAP) - GAP];
  const levels = Buffer.alloc(wide * high * channels, 128);
  images.forEach((image, i) => {
    const [top, left] = [Math.floor(i / columns) * (height + GAP), (i % columns) * (width + GAP)];
    for (let y = 0; y < height; y++) {
      for (let at = 0; at < width * channels; at++)
        levels[((top + y) * wide + left) * channels + at] = Math.round(255 * (image[y * width * channels + at] as number));
    }
  });
  return sharp(levels, { raw: { width: wide, height: high, channels } })
    .png()
    .toBuffer();
}

/** Returns the same sheet as a data URI. */
export async function contactSheet(...sheet: Parameters<typeof contactSheetPng>): Promise<string> {
  return `data:image/png;base64,${(await contactSheetPng(...sheet)).toString('base64')}`;
}

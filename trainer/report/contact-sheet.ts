import sharp from 'sharp';
import type { Screening } from '../../shared/bundle/screening-schema.ts';
import { escaped } from './html.ts';

/** Pixels between images. */
const GAP = 2;
/** Width of the labels in pixels and in letters. */
const [LABEL, LETTERS] = [112, 18];

/**
 * Arranges images in rows and returns them as one PNG.
 *
 * @param images each [H, W, C] in [0, 1]
 * @param columns images in a row
 * @param labels of the rows, written at their left; without any, there is no room for them
 */
export async function contactSheetPng(
  images: readonly ArrayLike<number>[],
  { height, width, channels }: Screening['input'],
  columns: number,
  labels: readonly string[] = [],
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
  const sheet = sharp(levels, { raw: { width: wide, height: high, channels } });
  if (labels.length === 0) return sheet.png().toBuffer();
  const text = labels.map((label, row) => {
    const shown = label.length > LETTERS ? `${label.slice(0, LETTERS - 1)}…` : label;
    return `<text x="2" y="${row * (height + GAP) + height / 2 + 4}">${escaped(shown)}</text>`;
  });
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LABEL}" height="${high}" font-family="sans-serif" font-size="11">` +
    `${text.join('')}</svg>`;
  return sheet
    .extend({ left: LABEL, background: '#fff' })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer();
}

/** Returns the same sheet as a data URI. */
export async function contactSheet(...sheet: Parameters<typeof contactSheetPng>): Promise<string> {
  return `data:image/png;base64,${(await contactSheetPng(...sheet)).toString('base64')}`;
}

import type { Decoded } from './decode-png.ts';
import type { PngFile } from './png-file.ts';
import type { UprightImage } from './upright.ts';

/**
 * Composites the pixels over the background, each rounded to a whole level, so that transparency hides nothing.
 *
 * @param background level of 0 to 255
 * @throws Error if the decoded size is not the one in the file's header
 */
export function opaqueOf({ width, height, data }: Decoded, file: PngFile, background: number): UprightImage {
  if (width !== file.width || height !== file.height || data.length !== 4 * width * height)
    throw new Error('it has another size than it says');
  const channels = file.colourType === 0 || file.colourType === 4 ? 1 : 3;
  const pixels = new Uint8Array(width * height * channels);
  if (file.transparent) lay(data, channels, background, pixels);
  else if (channels === 1) for (let from = 0, to = 0; from < data.length; from += 4) pixels[to++] = data[from] as number;
  else
    for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
      pixels[to] = data[from] as number;
      pixels[to + 1] = data[from + 1] as number;
      pixels[to + 2] = data[from + 2] as number;
    }
  return { width, height, channels, pixels };
}

function lay(data: Uint8Array, channels: 1 | 3, background: number, pixels: Uint8Array): void {
  let to = 0;
  for (let from = 0; from < data.length; from += 4) {
    const alpha = data[from + 3] as number;
    const behind = background * (255 - alpha);
    pixels[to++] = rounded((data[from] as number) * alpha + behind);
    if (channels === 1) continue;
    pixels[to++] = rounded((data[from + 1] as number) * alpha + behind);
    pixels[to++] = rounded((data[from + 2] as number) * alpha + behind);
  }
}

/** Returns `Math.floor(sum / 255 + 0.5)` for a whole number up to 255 * 255 without a division; halves can't occur, because 255 is odd. */
export function rounded(sum: number): number {
  const more = sum + 127;
  return (more + 1 + (more >> 8)) >> 8;
}

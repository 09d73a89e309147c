import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { encodePng } from '../../../edge/guard/encode-png.ts';

it.each([
  // Colour type 0: each level less the one to its left.
  [1, [10, 30, 20, 255, 0, 1], 0, [1, 10, 20, 246, 1, 255, 1, 1]],
  // Colour type 2: each less the one of its channel to the left.
  [3, [1, 2, 3, 11, 12, 13, 0, 0, 0, 255, 1, 2], 2, [1, 1, 2, 3, 10, 10, 10, 1, 0, 0, 0, 255, 1, 2]],
] as const)('an image of %i channels is written with the filter Sub', (channels, pixels, colourType, filtered) => {
  const width = pixels.length / channels / 2;
  const png = encodePng({ width, height: 2, channels, pixels: Uint8Array.from(pixels) });
  expect([...png.subarray(16, 29)]).toEqual([0, 0, 0, width, 0, 0, 0, 2, 8, colourType, 0, 0, 0]);
  // IHDR ends at 33; the length of IDAT, its name, its data.
  const length = new DataView(png.buffer, png.byteOffset).getUint32(33);
  expect([...inflateSync(png.subarray(41, 41 + length))]).toEqual([...filtered]);
});

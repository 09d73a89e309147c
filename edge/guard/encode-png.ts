import { constants, deflateSync } from 'node:zlib';
import type { DecodedImage } from '../../shared/images/image.ts';
import { chunkOf } from '../../shared/images/png/chunk.ts';
import { PNG_SIGNATURE } from '../../shared/images/png/container.ts';
import { concatBytes } from '../../shared/protocol/tensors.ts';

const GREY = 0;
const RGB = 2;
/** The filter that subtracts from each level the one to its left (PNG, 9.2). */
const SUB = 1;

/**
 * Encodes an image as an 8-bit PNG, grey or RGB like the image, with nothing but its pixels. jSquash's encoder writes only RGBA, so a
 * classifier of grey images would suddenly get four channels.
 */
export function encodePng({ width, height, channels, pixels }: DecodedImage): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, channels === 1 ? GREY : RGB], 8);
  const row = width * channels;
  const filtered = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++) {
    const [from, to] = [y * row, y * (row + 1) + 1];
    filtered[to - 1] = SUB;
    for (let i = 0; i < channels; i++) filtered[to + i] = pixels[from + i] as number;
    for (let i = channels; i < row; i++) filtered[to + i] = (pixels[from + i] as number) - (pixels[from + i - channels] as number);
  }
  // Run-length only: three times as fast as searching for matches, which differences of neighbours rarely have.
  const how = { level: 1, strategy: constants.Z_RLE, memLevel: 9, chunkSize: Math.max(1024, filtered.length >> 1) };
  const chunks = [chunkOf('IHDR', header), chunkOf('IDAT', deflateSync(filtered, how)), chunkOf('IEND', new Uint8Array(0))];
  return concatBytes([PNG_SIGNATURE, ...chunks.flat()]);
}

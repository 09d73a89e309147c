import { constants, crc32, deflateSync } from 'node:zlib';
import type { DecodedImage } from '../../shared/images/image.ts';
import { PNG_SIGNATURE } from '../../shared/images/png/container.ts';

/** Length, type and checksum. */
const CHUNK_BYTES = 12;
const GREY = 0;
const RGB = 2;
/** Filter: each level minus the one to its left (PNG, 9.2). */
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
  // Only runs: three times as fast as searching for matches, of which differences of neighbours have few.
  const how = { level: 1, strategy: constants.Z_RLE, memLevel: 9, chunkSize: Math.max(1024, filtered.length >> 1) };
  const chunks: [string, Uint8Array][] = [
    ['IHDR', header],
    ['IDAT', deflateSync(filtered, how)],
    ['IEND', new Uint8Array(0)],
  ];
  const png = new Uint8Array(chunks.reduce((sum, [, { length }]) => sum + CHUNK_BYTES + length, PNG_SIGNATURE.length));
  png.set(PNG_SIGNATURE);
  let at = PNG_SIGNATURE.length;
  for (const [type, data] of chunks) at = writeChunk(png, at, type, data);
  return png;
}

/** Writes a chunk (PNG, 5.3). @returns where the next one begins */
function writeChunk(png: Uint8Array, at: number, type: string, data: Uint8Array): number {
  const view = new DataView(png.buffer);
  const end = at + 8 + data.length;
  view.setUint32(at, data.length);
  for (let i = 0; i < 4; i++) png[at + 4 + i] = type.charCodeAt(i);
  png.set(data, at + 8);
  view.setUint32(end, crc32(png.subarray(at + 4, end)));
  return end + 4;
}

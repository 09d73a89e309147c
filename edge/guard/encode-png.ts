import { constants, crc32, deflateSync } from 'node:zlib';
import { PNG_SIGNATURE } from '../../shared/images/png-file.ts';
import type { UprightImage } from '../../shared/images/upright.ts';

const GREY = 0;
const RGB = 2;
/** Each level less the one to its left (PNG, 9.2). */
const SUB = 1;

/**
 * Encodes an image as a PNG of its own kind, 8-bit grey or RGB, with nothing but its pixels. jSquash's encoder, which decodes here, knows RGBA
 * alone, and a classifier that got grey images until now would see four channels.
 */
export function encodePng({ width, height, channels, pixels }: UprightImage): Uint8Array<ArrayBuffer> {
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
  // Runs alone: three times as fast as looking for matches, and differences of neighbours have few others.
  const compressed = deflateSync(filtered, { level: 1, strategy: constants.Z_RLE, chunkSize: Math.max(1024, filtered.length >> 1) });
  const chunks = [chunk('IHDR', header), chunk('IDAT', compressed), chunk('IEND', new Uint8Array(0))];
  const png = new Uint8Array(PNG_SIGNATURE.length + chunks.reduce((sum, { length }) => sum + length, 0));
  png.set(PNG_SIGNATURE);
  let at = PNG_SIGNATURE.length;
  for (const each of chunks) {
    png.set(each, at);
    at += each.length;
  }
  return png;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

import sharp from 'sharp';
import type { ImageLimits } from '../../shared/images/limits.ts';
import { webpChunk, webpChunks, webpOf } from '../reliability/mutate-webp.ts';
import { noiseBytes } from './hostile-png.ts';

/** The most bytes of lossy pixels, and the most lossy pixels (shared/images/webp/container.ts). */
const [LOSSY_BYTES, LOSSY_SIDES] = [1.75 * 1024 * 1024, [4096, 3072] as const];

/** WebPs within the limits, each the worst of its kind. */
export async function hostileWebps({ maxPixels, maxBytes }: ImageLimits): Promise<{ name: string; bytes: Buffer }[]> {
  const side = Math.floor(Math.sqrt(maxPixels));
  const room = Math.floor(0.9 * maxBytes);
  const small = await noise(32, 32, 3).webp().toBuffer();
  const extended = (...more: Buffer[]) =>
    webpOf(webpChunk('VP8X', Buffer.of(12, 0, 0, 0, 31, 0, 0, 31, 0, 0)), ...webpChunks(small), ...more);
  const repeated = (chunk: Buffer) => Buffer.alloc(chunk.length * Math.floor(room / chunk.length), chunk);
  const exif = Buffer.from('MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0', 'latin1');
  return [
    { name: 'WebP, lossy, noise', bytes: await lossyOf(side, side) },
    { name: 'WebP, lossy, noise, large', bytes: await lossyOf(...LOSSY_SIDES) },
    { name: 'WebP, lossy with alpha', bytes: await noise(1100, 1100, 4).webp({ quality: 20, alphaQuality: 100, effort: 0 }).toBuffer() },
    { name: 'WebP, lossless, noise', bytes: await noise(1300, 1300, 3).webp({ lossless: true, effort: 0 }).toBuffer() },
    { name: 'WebP, lossless, 65,536 groups of codes', bytes: manyCodes(1024, 1024) },
    { name: 'WebP, EXIF chunks', bytes: extended(repeated(webpChunk('EXIF', exif))) },
    { name: 'WebP, XMP chunks', bytes: extended(repeated(webpChunk('XMP ', Buffer.alloc(65_000, ':Orientation="1"')))) },
    { name: 'WebP, empty chunks', bytes: extended(repeated(webpChunk('abcd', Buffer.alloc(0)))) },
  ];
}

const noise = (width: number, height: number, channels: 3 | 4) =>
  sharp(noiseBytes(width * height * channels), { raw: { width, height, channels } });

/** Noise of half the contrast, at the highest quality whose pixels are few enough bytes. */
async function lossyOf(width: number, height: number): Promise<Buffer> {
  let best = Buffer.alloc(0);
  for (let [low, high] = [1, 100]; low <= high; ) {
    const quality = (low + high) >> 1;
    const bytes = await noise(width, height, 3).linear(0.5, 64).webp({ quality, effort: 0 }).toBuffer();
    if (bytes.length > LOSSY_BYTES) high = quality - 1;
    else [low, best] = [quality + 1, bytes];
  }
  return best;
}

/** The bits of a lossless image (RFC 9649, section 3), the least significant first. */
function losslessOf(width: number, height: number, write: (put: (value: number, count: number) => void) => void): Buffer {
  const bits: number[] = [];
  const put = (value: number, count: number) => {
    for (let i = 0; i < count; i++) bits.push((value >>> i) & 1);
  };
  put(0x2f, 8);
  put((width - 1) | ((height - 1) << 14), 32);
  write(put);
  const bytes = Buffer.alloc(Math.ceil(bits.length / 8) + 8);
  for (const [i, bit] of bits.entries()) bytes[i >> 3] = (bytes[i >> 3] as number) | (bit << (i & 7));
  return webpOf(webpChunk('VP8L', bytes));
}

/**
 * A lossless image of 65,536 groups of Huffman codes, all of which are read although the pixels use two of them. Each code has two symbols
 * and is written in the longer of the two forms.
 */
export function manyCodes(width: number, height: number): Buffer {
  return losslessOf(width, height, (put) => {
    const simple = (...symbols: number[]) => {
      put(1 | ((symbols.length - 1) << 1) | (1 << 2), 3);
      for (const symbol of symbols) put(symbol, 8);
    };
    // No transform, no cache; the image of the group numbers, in blocks of 4 x 4 pixels, has no cache either.
    put(0b0100, 4);
    put(0, 3);
    simple(0, 255);
    simple(0, 255);
    for (let i = 0; i < 3; i++) simple(0);
    const blocks = Math.ceil(width / 4) * Math.ceil(height / 4);
    for (let i = 0; i < blocks; i++) put(i === 0 ? 0b11 : 0, 2);
    for (let code = 0; code < 65_536 * 5; code++) {
      // Not simple; four lengths of code lengths, of which only that of length 1 is used; two symbols of that length.
      put(0, 1);
      put(0, 4);
      put(1 << 9, 12);
      put(1, 1);
      put(0, 5);
    }
    // A bit for each of green, red, blue and alpha.
    for (let i = 0; i < width * height; i++) put(0, 4);
  });
}

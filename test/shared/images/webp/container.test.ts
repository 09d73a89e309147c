import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeBySharp } from '../../../../bench/reliability/decode-by-sharp.ts';
import { webpChunk, webpChunks, webpOf } from '../../../../bench/reliability/mutate-webp.ts';
import { openImageReader } from '../../../../node/image-reader.ts';
import { ImageError } from '../../../../shared/images/image.ts';
import { DEFAULT_LIMITS, type ImageLimits } from '../../../../shared/images/limits.ts';
import { readWebpFile } from '../../../../shared/images/webp/container.ts';
import { exifBlock } from '../../../samples/image-parts.ts';

const readImage = await openImageReader();
const read = (bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS, background = 0) => readImage(bytes, { limits, background });
const refused = async (bytes: Uint8Array, why: RegExp, limits: ImageLimits = DEFAULT_LIMITS) => {
  await expect(read(bytes, limits)).rejects.toThrow(ImageError);
  await expect(read(bytes, limits)).rejects.toThrow(why);
};

/** Flags of VP8X. */
const [ANIMATION, XMP, EXIF, ALPHA] = [2, 4, 8, 16];
const [WIDTH, HEIGHT] = [40, 24];
const noise = Buffer.from(Array.from({ length: 4 * WIDTH * HEIGHT }, (_, i) => (i * 31 + ((i * i) >> 5)) & 255));
const clear = sharp(noise, { raw: { width: WIDTH, height: HEIGHT, channels: 4 } });
const opaque = clear.clone().removeAlpha();
const lossy = await opaque.clone().webp().toBuffer();
const lossless = await opaque.clone().webp({ lossless: true }).toBuffer();
const lossyAlpha = await clear.clone().webp().toBuffer();
const losslessAlpha = await clear.clone().webp({ lossless: true }).toBuffer();

const chunkOf = (webp: Buffer, name: string) => webpChunks(webp).find((chunk) => chunk.toString('latin1', 0, 4) === name) as Buffer;
const [vp8, vp8l, alph, vp8lAlpha] = [
  chunkOf(lossy, 'VP8 '),
  chunkOf(lossless, 'VP8L'),
  chunkOf(lossyAlpha, 'ALPH'),
  chunkOf(losslessAlpha, 'VP8L'),
];
const vp8x = (flags: number, width = WIDTH, height = HEIGHT) =>
  webpChunk('VP8X', Buffer.of(flags, 0, 0, 0, width - 1, 0, 0, height - 1, 0, 0));
const exif = (orientation: number) => webpChunk('EXIF', exifBlock(orientation));
const xmp = (orientation: number) => webpChunk('XMP ', Buffer.from(`<x tiff:Orientation="${orientation}"/>`));
/** With bytes of the chunk's data set. */
const withBytes = (chunk: Buffer, ...at: [number, number][]) => {
  const copy = Buffer.from(chunk);
  for (const [i, value] of at) copy[8 + i] = value;
  return copy;
};

/** A file of an odd length, as some writers leave it. */
const unpadded = webpOf(vp8x(0), vp8, webpChunk('abcd', Buffer.of(1)).subarray(0, -1)).subarray(0, -1);

describe('the pixels of a WebP', () => {
  it('are those of libvips, to the bit', async () => {
    for (const file of [lossy, lossless, lossyAlpha, losslessAlpha])
      for (const background of [0, 255])
        expect(await read(file, DEFAULT_LIMITS, background)).toEqual(await decodeBySharp(file, background));
    expect(await read(webpOf(vp8x(0), vp8))).toEqual(await read(lossy));
  });

  it('are those of libvips at every quality and size', async () => {
    const options = fc.record({
      quality: fc.integer({ min: 1, max: 100 }),
      lossless: fc.boolean(),
      nearLossless: fc.boolean(),
      alphaQuality: fc.integer({ min: 0, max: 100 }),
      smartSubsample: fc.boolean(),
      effort: fc.integer({ min: 0, max: 6 }),
    });
    const side = fc.integer({ min: 1, max: 64 });
    await fc.assert(
      fc.asyncProperty(options, side, side, fc.boolean(), async (how, width, height, isClear) => {
        const image = (isClear ? clear : opaque).clone().resize(width, height, { fit: 'fill' });
        const file = await image.webp(how).toBuffer();
        expect(await read(file, DEFAULT_LIMITS, 90)).toEqual(await decodeBySharp(file, 90));
      }),
      { numRuns: 100 },
    );
  });

  it('need their own chunks alone', async () => {
    const other = webpChunk('abcd', Buffer.alloc(7));
    const file = webpOf(vp8x(ALPHA | EXIF), webpChunk('ICCP', Buffer.of(1)), other, alph, other, chunkOf(lossyAlpha, 'VP8 '), exif(1));
    expect(readWebpFile(file, DEFAULT_LIMITS).needed).toEqual([alph, chunkOf(lossyAlpha, 'VP8 ')]);
    expect(await read(file)).toEqual(await read(lossyAlpha));
  });
});

describe('a WebP is refused', () => {
  it.each<[string, Buffer, RegExp]>([
    ['with bytes behind its end', Buffer.concat([lossy, Buffer.of(0)]), /its header says that \d+ bytes follow, but \d+ do/],
    ['that is cut', lossy.subarray(0, -1), /its header says that/],
    ['of nothing but its signature', Buffer.from('RIFF\0\0\0\0WEBP', 'latin1'), /its header says that 0 bytes follow, but 4 do/],
    ['without chunks', webpOf(), /the chunk at byte 12 does not end within it/],
    ['with a chunk that ends behind it', webpOf(vp8.subarray(0, -2)), /the chunk at byte 12 does not end within it/],
    ['without padding', unpadded, /does not end within it/],
    ['that begins with metadata', webpOf(exif(1), vp8), /it begins with a chunk "EXIF" in place of VP8, VP8L or VP8X/],
    ['with metadata that no header announces', webpOf(vp8, exif(6)), /chunks behind its pixels, which need a header/],
    ['of two images', webpOf(vp8x(0), vp8, vp8l), /it has two images/],
    ['of two headers', webpOf(vp8x(0), vp8x(0), vp8), /two headers/],
    ['with a short header', webpOf(webpChunk('VP8X', Buffer.alloc(8)), vp8), /its header \(VP8X\) does not have 10 bytes/],
    ['of another size than its header says', webpOf(vp8x(0, WIDTH + 1), vp8), /gives another size than its pixels have/],
    ['of another height', webpOf(vp8x(0, WIDTH, HEIGHT + 1), vp8), /gives another size/],
    ['without pixels', webpOf(vp8x(0), exif(1)), /it has no pixels/],
    ['with two alpha channels', webpOf(vp8x(ALPHA), alph, alph, vp8), /\(ALPH\) is there twice/],
    ['with alpha behind its pixels', webpOf(vp8x(ALPHA), vp8, alph), /behind its pixels/],
    ['with alpha beside lossless pixels', webpOf(vp8x(ALPHA), alph, vp8l), /beside lossless pixels/],
    ['with alpha that its header denies', webpOf(vp8x(0), alph, vp8), /alpha channel that its header \(VP8X\) denies/],
    ['with lossless alpha that its header denies', webpOf(vp8x(0), vp8lAlpha), /alpha channel that its header \(VP8X\) denies/],
    [
      'with alpha that its pixels deny',
      webpOf(withBytes(vp8lAlpha, [4, (vp8lAlpha[12] as number) & ~0x10])),
      /alpha channel that its header \(VP8L\) denies/,
    ],
    ['that is animated by its header', webpOf(vp8x(ANIMATION), vp8), /is animated, which is not read.*Save one frame of it/],
    ['with a frame of an animation', webpOf(vp8x(0), vp8, webpChunk('ANMF', Buffer.alloc(24))), /is animated/],
    ['with the colours of an animation', webpOf(vp8x(0), webpChunk('ANIM', Buffer.alloc(6)), vp8), /is animated/],
    ['of a frame that depends on another', webpOf(withBytes(vp8, [0, (vp8[8] as number) | 1])), /frame that can be shown/],
    ['of a hidden frame', webpOf(withBytes(vp8, [0, (vp8[8] as number) & ~0x10])), /frame that can be shown/],
    ['of a later version', webpOf(withBytes(vp8, [0, (vp8[8] as number) | 0x0e])), /frame that can be shown/],
    ['without the start code', webpOf(withBytes(vp8, [3, 0])), /frame that can be shown/],
    ['of a first part that ends behind it', webpOf(withBytes(vp8, [2, 255])), /frame that can be shown/],
    ['that asks to be enlarged', webpOf(withBytes(vp8, [7, 0x40])), /asks to be enlarged/],
    ['of no width', webpOf(withBytes(vp8, [6, 0])), /it has no pixels/],
    ['of a short frame', webpOf(webpChunk('VP8 ', Buffer.alloc(9))), /frame that can be shown/],
    ['of a later lossless version', webpOf(withBytes(vp8l, [4, 0x20])), /a header that WebP has/],
    ['of lossless pixels without signature', webpOf(withBytes(vp8l, [0, 0x2e])), /a header that WebP has/],
    ['of a short lossless header', webpOf(webpChunk('VP8L', Buffer.of(0x2f, 0, 0, 0))), /a header that WebP has/],
    ['of pixels that are cut', webpOf(webpChunk('VP8L', vp8l.subarray(8, -20))), /can't be decoded without guessing/],
    ['of lossy pixels that are cut', webpOf(webpChunk('VP8 ', vp8.subarray(8, -20))), /can't be decoded without guessing/],
    ['of alpha that is cut', webpOf(vp8x(ALPHA), webpChunk('ALPH', alph.subarray(8, 20)), vp8), /can't be decoded without guessing/],
  ])('%s', (_, bytes, why) => refused(bytes, why));
});

describe('the orientation of a WebP', () => {
  const turned = (orientation: number, ...chunks: Buffer[]) => webpOf(vp8x(EXIF | XMP), vp8, exif(orientation), ...chunks);
  it('is that of its EXIF, as libvips turns it', async () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const file = turned(orientation);
      expect(await read(file)).toEqual(await decodeBySharp(file));
      expect(readWebpFile(file, DEFAULT_LIMITS).claims).toEqual([{ orientation, from: 'its EXIF', counts: true }]);
    }
    expect(await read(turned(6, xmp(6)))).toEqual(await read(turned(6)));
  });

  it.each<[string, Buffer]>([
    ['EXIF that its header does not announce', webpOf(vp8x(0), vp8, exif(3))],
    ['EXIF before the pixels', webpOf(vp8x(EXIF), exif(3), vp8)],
    ['a second EXIF', turned(3, exif(1))],
    ['XMP', webpOf(vp8x(XMP), vp8, xmp(3))],
    ['XMP, which EXIF contradicts', turned(3, xmp(1))],
  ])('is unclear where %s says otherwise', (_, bytes) => refused(bytes, /It is not clear how the WebP is turned/));
});

describe('limits', () => {
  it.each<[string, Buffer, Partial<ImageLimits>, RegExp]>([
    ['of the pixels', lossless, { maxPixels: 900 }, /40 x 24; at most 900 pixels/],
    ['of lossy pixels', lossy, { maxJpegPixels: 900 }, /40 x 24; a lossy WebP may have at most 900 pixels/],
    ['of lossy pixels with alpha', lossyAlpha, { maxPixels: 900 }, /40 x 24; at most 900 pixels/],
    ['of the sides', lossless, { maxSide: 39 }, /each side may have at most 39/],
    ['of a lossy image, whatever is configured', webpOf(sized(4096, 3073)), { maxJpegPixels: 1e9 }, /at most 12582912 pixels/],
    ['of a lossless image', webpOf(sizedLossless(2049, 1024)), {}, /2049 x 1024; at most 2097152 pixels/],
    ['of the chunks', webpOf(vp8x(0), vp8, ...new Array<Buffer>(255).fill(webpChunk('abcd', Buffer.alloc(0)))), {}, /more than 256 chunks/],
    [
      'of the bytes of lossy pixels',
      webpOf(webpChunk('VP8 ', Buffer.concat([vp8.subarray(8), Buffer.alloc(1.75 * 1024 * 1024)]))),
      {},
      /take \d+ bytes; at most 1835008 are allowed, because it decodes slowly. Save it at a lower quality/,
    ],
  ])('%s are named', (_, bytes, limits, why) => refused(bytes, why, { ...DEFAULT_LIMITS, ...limits }));
});

function sized(width: number, height: number): Buffer {
  return withBytes(vp8, [6, width & 255], [7, width >> 8], [8, height & 255], [9, height >> 8]);
}

function sizedLossless(width: number, height: number): Buffer {
  const copy = Buffer.from(vp8l);
  copy.writeUInt32LE((width - 1) | ((height - 1) << 14), 9);
  return copy;
}

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openImageReader } from '../../node/image-reader.ts';
import { DEFAULT_LIMITS } from '../../shared/images/limits.ts';
import { readTrainingImage } from '../../trainer/data/training-formats.ts';

const options = { limits: DEFAULT_LIMITS, background: 100 };
const read = (bytes: Uint8Array) => readTrainingImage(bytes, options);

/** Makes a BMP by hand; rows are filled up to four bytes. */
function bmp(width: number, height: number, bits: number, palette: number[], rows: number[], compression = 0): Buffer {
  const header = Buffer.alloc(54);
  header.write('BM');
  header.writeUInt32LE(54 + palette.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  header.writeUInt32LE(compression, 30);
  header.writeUInt32LE(palette.length / 4, 46);
  return Buffer.concat([header, Buffer.from(palette), Buffer.from(rows)]);
}

describe('training reads', () => {
  it('PNG, JPEG and WebP as the worker does', async () => {
    const picture = sharp({ create: { width: 30, height: 20, channels: 3, background: '#357', noise: { type: 'gaussian', sigma: 30 } } });
    const worker = await openImageReader();
    for (const bytes of [await picture.clone().png().toBuffer(), await picture.clone().jpeg().toBuffer(), await picture.webp().toBuffer()])
      expect(await read(bytes)).toEqual(await worker(bytes, options));
  });

  it.each(['avif', 'tiff', 'gif'] as const)('%s, over the background where it is transparent', async (format) => {
    const clear = sharp({ create: { width: 40, height: 30, channels: 4, background: { r: 200, g: 100, b: 0, alpha: 0 } } });
    const { width, height, pixels } = await read(await clear.toFormat(format, format === 'tiff' ? { compression: 'lzw' } : {}).toBuffer());
    expect([width, height, new Set(pixels)]).toEqual([40, 30, new Set([100])]);
  });

  it('the first frame of an animation, upright, and 16 bits as 8', async () => {
    const frames = sharp(Buffer.concat([Buffer.alloc(300, 255), Buffer.alloc(300, 7)]), {
      raw: { width: 10, height: 20, channels: 3, pageHeight: 10 },
    });
    const first = await read(await frames.gif().toBuffer());
    expect([first.height, first.pixels.every((level) => level === 255)]).toEqual([10, true]);
    const tiff = sharp({ create: { width: 40, height: 30, channels: 3, background: '#fa3' } })
      .withMetadata({ orientation: 6 })
      .tiff({ compression: 'lzw' });
    expect(await read(await tiff.toBuffer())).toMatchObject({ width: 30, height: 40 });
    const levels = Uint16Array.of(0, 32896, 65535, 257);
    const deep = sharp(levels, { raw: { width: 4, height: 1, channels: 1 } })
      .toColourspace('grey16')
      .tiff({ compression: 'lzw' });
    expect(await read(await deep.toBuffer())).toEqual({ width: 4, height: 1, channels: 1, pixels: Uint8Array.of(0, 128, 255, 1) });
  });

  it('BMP: palettes, rows from below or above, 24 and 32 bits', async () => {
    const [red, green, blue] = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ] as const;
    const palette = [red, green, blue].flatMap(([r, g, b]) => [b, g, r, 0]);
    const pixels = async (bytes: Buffer) => Array.from((await read(bytes)).pixels);
    expect(await pixels(bmp(3, 2, 8, palette, [0, 1, 2, 0, 2, 1, 0, 0]))).toEqual([blue, green, red, red, green, blue].flat());
    expect(await pixels(bmp(3, -2, 8, palette, [0, 1, 2, 0, 2, 1, 0, 0]))).toEqual([red, green, blue, blue, green, red].flat());
    expect(await pixels(bmp(3, 1, 4, palette, [0x01, 0x20, 0, 0]))).toEqual([red, green, blue].flat());
    expect(await pixels(bmp(3, 1, 1, palette.slice(0, 8), [0b0100_0000, 0, 0, 0]))).toEqual([red, green, red].flat());
    expect(await pixels(bmp(1, 2, 24, [], [1, 2, 3, 0, 4, 5, 6, 0]))).toEqual([6, 5, 4, 3, 2, 1]);
    expect(await pixels(bmp(1, 1, 32, [], [1, 2, 3, 0]))).toEqual([3, 2, 1]);
  });
});

describe('training refuses', () => {
  it.each([
    ['a BMP that is cut off', bmp(3, 2, 8, [0, 0, 0, 0], [0, 0, 0]), /The BMP can't be decoded: it is cut off/],
    ['a colour beyond the palette', bmp(1, 1, 8, [0, 0, 0, 0], [1, 0, 0, 0]), /not in the palette/],
    ['compressed pixels', bmp(1, 1, 8, [0, 0, 0, 0], [1, 0, 0, 0], 1), /compressed/],
    ['pixels of 16 bits', bmp(1, 1, 16, [], [1, 0, 0, 0]), /16 bits a pixel/],
    ['more pixels than a JPEG may have', bmp(6000, 6000, 1, [], []), /cut off|at most/],
    ['HEIC', Buffer.from('\0\0\0\x1cftypheic\0\0\0\0', 'latin1'), /of the kind HEIC/],
  ])('%s', async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({ name: 'ImageError', message: expect.stringMatching(message) });
  });

  it.each(['avif', 'tiff', 'gif'] as const)('a %s that is cut off', async (format) => {
    const noise = sharp({ create: { width: 40, height: 30, channels: 3, background: '#777', noise: { type: 'gaussian', sigma: 30 } } });
    const bytes = await noise.toFormat(format).toBuffer();
    await expect(read(bytes.subarray(0, bytes.length >> 1))).rejects.toThrow(/^The (AVIF|TIFF|GIF) can't be decoded: .*Use the whole/);
  });
});

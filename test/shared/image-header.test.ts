import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ImageHeaderError, readImageHeader } from '../../shared/image-header.ts';

const image = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#808080' } });

describe('readImageHeader', () => {
  it('reads size and orientation of PNG and JPEG, plain, interlaced and progressive', async () => {
    for (const orientation of [1, 3, 6, 8]) {
      const turned = image(37, 11).withMetadata({ orientation });
      for (const progressive of [false, true]) {
        expect(readImageHeader(await turned.clone().png({ progressive }).toBuffer())).toEqual({
          type: 'png',
          width: 37,
          height: 11,
          orientation,
        });
        const jpeg = await turned.clone().jpeg({ progressive }).toBuffer();
        expect(readImageHeader(jpeg)).toEqual({ type: 'jpeg', width: 37, height: 11, orientation });
        // At an odd offset of a larger buffer too.
        const shifted = new Uint8Array([1, 2, 3, ...jpeg]).subarray(3);
        expect(readImageHeader(shifted).width).toBe(37);
      }
    }
    expect(readImageHeader(await image(2, 3).png().toBuffer()).orientation).toBe(1);
  });

  it('reads a size of 60000 x 60000 without decoding anything', async () => {
    const png = new Uint8Array(await image(1, 1).png().toBuffer());
    new DataView(png.buffer, png.byteOffset).setUint32(16, 60_000);
    new DataView(png.buffer, png.byteOffset).setUint32(20, 60_000);
    expect(readImageHeader(png)).toMatchObject({ width: 60_000, height: 60_000 });
  });

  it.each([
    ['nothing', new Uint8Array(0), /neither a PNG nor a JPEG/],
    ['a GIF', new TextEncoder().encode('GIF89a......'), /neither a PNG nor a JPEG/],
    ['a PNG signature alone', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), /no IHDR/],
    ['a JPEG start alone', Uint8Array.of(0xff, 0xd8), /no frame header/],
    ['a JPEG without markers', Uint8Array.of(0xff, 0xd8, 1, 2, 3, 4), /does not begin with a marker/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readImageHeader(bytes)).toThrow(ImageHeaderError);
    expect(() => readImageHeader(bytes)).toThrow(message);
  });

  it('refuses an image of no pixels', async () => {
    const png = new Uint8Array(await image(1, 1).png().toBuffer());
    new DataView(png.buffer, png.byteOffset).setUint32(16, 0);
    expect(() => readImageHeader(png)).toThrow('the image is 0 x 1; it has no pixels');
  });

  it('answers or throws an ImageHeaderError for any cut or changed file', async () => {
    const files = [
      await image(9, 7).withMetadata({ orientation: 6 }).png().toBuffer(),
      await image(9, 7).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255))), (file, cut, changes) => {
        const bytes = Uint8Array.from(file.subarray(0, cut % (file.length + 1)));
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        try {
          const { width, height, orientation } = readImageHeader(bytes);
          expect(Math.min(width, height, orientation)).toBeGreaterThanOrEqual(1);
          expect(orientation).toBeLessThanOrEqual(8);
        } catch (error) {
          expect(error).toBeInstanceOf(ImageHeaderError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

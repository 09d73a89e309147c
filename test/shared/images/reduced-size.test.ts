import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openImageReader } from '../../../node/image-reader.ts';
import { ImageError } from '../../../shared/images/image.ts';
import { DEFAULT_LIMITS, type ImageLimits } from '../../../shared/images/limits.ts';
import { countedPixels, eighthsOf } from '../../../shared/images/reduced-size.ts';
import { phonePhoto } from '../../samples/phone-photo.ts';
import { turnUpright } from '../../samples/turn-upright.ts';

const reader = await openImageReader();
const read = (bytes: Uint8Array, limits: Partial<ImageLimits> = {}, onPixels?: (pixels: number) => void) =>
  reader(bytes, { limits: { ...DEFAULT_LIMITS, ...limits }, background: 0, onPixels });
const flat = (width: number, height: number, options = {}) =>
  sharp({ create: { width, height, channels: 3, background: '#369' } })
    .jpeg(options)
    .toBuffer();

it.each([
  [1, 1, 8],
  [2048, 1024, 8],
  [2048, 1025, 4],
  [3000, 2000, 4],
  [3000, 2098, 2],
  [4032, 3024, 2],
  [6000, 4000, 2],
  [6144, 4096, 2],
  [6145, 4096, 1],
  [65535, 65535, 1],
])('of %i x %i pixels, %i eighths are decoded', (width, height, eighths) => {
  expect(eighthsOf({ width, height })).toBe(eighths);
});

describe("a phone's photo", async () => {
  const photo = await phonePhoto();
  const image = await read(photo);

  it('is decoded at a quarter of its sides, and looks as before', async () => {
    expect(image).toMatchObject({ width: 1008, height: 756, channels: 3 });
    const small = await sharp(photo, { failOn: 'none' }).resize(1008, 756, { kernel: 'cubic', fastShrinkOnLoad: false }).raw().toBuffer();
    const differences = small.map((level, i) => Math.abs(level - (image.pixels[i] as number)));
    expect(differences.reduce((sum, each) => sum + each, 0) / small.length).toBeLessThan(1);
  });

  it('is turned as its EXIF says', async () => {
    const turned = await read(await phonePhoto({ orientation: 6 }));
    expect(turned).toEqual(turnUpright(image, 6));
  });

  it('gives the same pixels whatever limits are configured', async () => {
    expect(await read(photo, { maxPixels: 1e6, maxJpegPixels: 15e6 })).toEqual(image);
    expect(await read(photo, { maxPixels: 20e6 })).toEqual(image);
  });

  it('counts as the largest image that is decoded whole', async () => {
    const counted: number[] = [];
    await read(photo, {}, (pixels) => counted.push(pixels));
    await read(await flat(30, 20), {}, (pixels) => counted.push(pixels));
    expect(counted).toEqual([2097152, 600]);
    expect(countedPixels({ width: 4032, height: 3024 })).toBe(2097152);
  });
});

it('a progressive one of a phone is refused with what to do; a smaller one is decoded', async () => {
  const photo = await phonePhoto({ progressive: true });
  await expect(read(photo)).rejects.toThrow(
    /^The JPEG is 4032 x 3024 and stored in several scans \(progressive\), which take 36578304 bytes .* JPEG, or make it smaller\.$/,
  );
  await expect(read(photo)).rejects.toThrow('Save it as an ordinary (baseline) JPEG, or make it smaller.');
  await expect(read(photo)).rejects.toThrow(ImageError);
  expect(await read(await flat(2048, 1536, { progressive: true }))).toMatchObject({ width: 1024, height: 768 });
});

describe('limits are named', () => {
  it.each([
    ['of a JPEG', 5400, 5000, {}, /5400 x 5000; a JPEG may have at most 26214400 pixels/],
    ['of a small JPEG, if so configured', 30, 20, { maxJpegPixels: 500 }, /30 x 20; a JPEG may have at most 500 pixels/],
    ['of what is decoded', 2048, 1024, { maxPixels: 1e6 }, /2048 x 1024; at most 1000000 pixels/],
    [
      'of what is decoded of a large one',
      4032,
      3024,
      { maxPixels: 5e5 },
      /4032 x 3024, and is decoded as 1008 x 756; at most 500000 pixels/,
    ],
    ['of each side', 8200, 300, {}, /each side may have at most 8192 pixels/],
    ['of the sides to each other', 8192, 127, {}, /at most 64 times the shorter/],
  ])('%s', async (_, width, height, limits, why) => {
    await expect(read(await flat(width, height), limits)).rejects.toThrow(why);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openImageReader } from '../../../node/image-reader.ts';
import { DEFAULT_LIMITS } from '../../../shared/images/limits.ts';
import type { Background } from '../../../shared/images/opaque.ts';
import { preprocess, preprocessLevels } from '../../../shared/images/preprocess.ts';
import { resizeTriangle } from '../../../shared/images/resize.ts';
import { readMnist } from '../../../trainer/data/mnist.ts';
import { nodeTensors } from '../../samples/node-tensors.ts';
import expected from '../../samples/tensors.json' with { type: 'json' };
import { turnUpright } from '../../samples/turn-upright.ts';

const rules = { version: 1, grey: 'bt601', resize: 'triangle', fit: 'contain', background: 0, polarity: 'as-is' } as const;
const read = async (bytes: Uint8Array, background: Background = 0) =>
  (await openImageReader())(bytes, { limits: DEFAULT_LIMITS, background });
const samples = join(import.meta.dirname, '../../samples');

describe('preprocess', () => {
  it('makes of each sample file the tensor that the worker is tested to make', async () => {
    expect(await nodeTensors()).toEqual(expected);
  });

  it("gives MNIST's own level / 255 for a digit that was written as PNG", async () => {
    const { test } = await readMnist();
    const index = test.labels.indexOf(7);
    const raw = await read(await readFile(join(samples, 'digit-7-a.png')));
    const tensor = preprocess(raw, { height: 28, width: 28, channels: 1 }, rules);
    expect(Array.from(tensor)).toEqual(Array.from(test.image(index), (level) => Math.fround(level / 255)));
  });

  it('turns by all eight EXIF orientations as sharp does', async () => {
    const rgba = Buffer.from(Array.from({ length: 5 * 3 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256)));
    for (let orientation = 1; orientation <= 8; orientation++) {
      const png = await sharp(rgba, { raw: { width: 5, height: 3, channels: 4 } })
        .withMetadata({ orientation })
        .png()
        .toBuffer();
      const { data, info } = await sharp(png).autoOrient().removeAlpha().raw().toBuffer({ resolveWithObject: true });
      const size = { width: info.width, height: info.height, channels: 3 as const };
      const turned = preprocess(await read(png), size, rules);
      expect(Array.from(turned), `orientation ${orientation}`).toEqual(Array.from(data, (level) => Math.fround(level / 255)));
    }
  });

  it('stays within [0, 1] and answers the same twice, whatever the image', () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        size,
        size,
        fc.constantFrom(1 as const, 3 as const),
        fc.constantFrom('contain' as const, 'cover' as const, 'stretch' as const),
        (width, height, channels, fit) => {
          const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 73) % 256);
          const image = turnUpright({ width, height, channels: 3, pixels }, 6);
          const make = () => preprocess(image, { height: 9, width: 7, channels }, { ...rules, fit });
          const tensor = make();
          expect(tensor.every((value) => value >= 0 && value <= 1)).toBe(true);
          expect(make()).toEqual(tensor);
        },
      ),
    );
  });

  it('puts transparent pixels on the background, to a whole level, and inverts where asked', async () => {
    const png = await sharp(Buffer.of(255, 255, 255, 51), { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    const one = { width: 1, height: 1, channels: 1 as const };
    expect(preprocess(await read(png), one, rules)[0]).toBe(Math.fround(51 / 255));
    // (255 * 51 + 100 * 204) / 255 = 131
    expect(preprocess(await read(png, 100), one, rules)[0]).toBe(Math.fround(131 / 255));
    expect(preprocess(await read(png), one, { ...rules, polarity: 'inverted' })[0]).toBe(Math.fround(204 / 255));
  });

  it('puts transparency and padding on a colour, which one channel sees as its luma', async () => {
    const [ink, clear] = [Buffer.of(255, 51), Buffer.of(0, 0)];
    const png = await sharp(Buffer.concat([ink, clear]), { raw: { width: 2, height: 1, channels: 2 } })
      .png()
      .toBuffer();
    const orange = { ...rules, background: [250, 100, 0] as [number, number, number] };
    const image = await read(png, orange.background);
    const levels = (channels: 1 | 3, more = {}) =>
      Array.from(preprocessLevels(image, { width: 2, height: 2, channels }, { ...orange, ...more }));
    // (255 * 51 + 250 * 204) / 255 = 251; (255 * 51 + 100 * 204) / 255 = 131; 51 without background. The padding is below.
    expect(levels(3)).toEqual([251, 131, 51, 250, 100, 0, 250, 100, 0, 250, 100, 0]);
    // .299 * 251 + .587 * 131 + .114 * 51 = 157.76; .299 * 250 + .587 * 100 = 133.45
    expect(levels(1)).toEqual([158, 133, 133, 133]);
    expect(levels(1, { polarity: 'inverted' })).toEqual([97, 122, 122, 122]);
    expect(await read(png, [7, 7, 7])).toEqual(await read(png, 7));
  });

  it('crops to the middle where the image is to cover the input', () => {
    const image = { width: 5, height: 2, channels: 1 as const, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) };
    const levels = (from: typeof image, width: number, height: number) =>
      Array.from(preprocessLevels(from, { width, height, channels: 1 }, { ...rules, fit: 'cover' }));
    expect(levels(image, 2, 2)).toEqual([2, 3, 7, 8]);
    expect(levels({ ...image, width: 2, height: 5 }, 2, 2)).toEqual([3, 4, 5, 6]);
    expect(levels(image, 5, 2)).toEqual(Array.from(image.pixels));
    expect(levels({ ...image, width: 10, height: 1 }, 1, 4)).toEqual([5, 5, 5, 5]);
  });

  it('shows a grey image on three channels, and colours as BT.601 luma on one', () => {
    const [grey, colour] = [
      { width: 1, height: 1, channels: 1 as const, pixels: Uint8Array.of(77) },
      { width: 1, height: 1, channels: 3 as const, pixels: Uint8Array.of(10, 200, 30) },
    ];
    const size = { width: 1, height: 1 };
    expect(Array.from(preprocess(grey, { ...size, channels: 3 }, rules))).toEqual([77, 77, 77].map((level) => Math.fround(level / 255)));
    // .299 * 10 + .587 * 200 + .114 * 30 = 123.81
    expect(preprocess(colour, { ...size, channels: 1 }, rules)[0]).toBe(Math.fround(124 / 255));
  });

  it('says what is wrong with an image whose size does not fit', () => {
    const wrong = { width: 2, height: 2, channels: 3 as const, pixels: new Uint8Array(4) };
    expect(() => preprocess(wrong, { width: 1, height: 1, channels: 1 }, rules)).toThrow(/2 x 2 x 3 needs 12 levels, not 4/);
  });
});

describe('resizeTriangle', () => {
  it('keeps a constant image constant', () => {
    const size = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(size, size, size, size, (width, height, toWidth, toHeight) => {
        const resized = resizeTriangle((_, into) => into.fill(7), width, height, 1, toWidth, toHeight);
        expect(resized).toHaveLength(toWidth * toHeight);
        for (const value of resized) expect(value).toBeCloseTo(7, 9);
      }),
    );
  });

  it('halves [0, 0, 8, 8] by weights 3/8, 3/8, 1/8 beside the centre', () => {
    // Centre at 1, reach 2: source centres 0.5, 1.5 and 2.5 weigh 0.75, 0.75 and 0.25.
    const [left] = resizeTriangle((_, into) => into.set([0, 0, 8, 8]), 4, 1, 1, 2, 1);
    expect(left).toBeCloseTo((8 * 0.25) / 1.75, 12);
  });
});

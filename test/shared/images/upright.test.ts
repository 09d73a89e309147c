import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecodedImage } from '../../../shared/images/image.ts';
import { turnUpright } from '../../samples/turn-upright.ts';

/** 3 x 2: a b c over d e f, shown as each orientation says (EXIF 2.32, tag 0x0112). */
const SHOWN: [orientation: number, rows: string][] = [
  [1, 'abc def'],
  [2, 'cba fed'],
  [3, 'fed cba'],
  [4, 'def abc'],
  [5, 'ad be cf'],
  [6, 'da eb fc'],
  [7, 'fc eb da'],
  [8, 'cf be ad'],
];
/** A quarter turn back undoes one forth; the others undo themselves. */
const inverse = (orientation: number) => ({ 6: 8, 8: 6 })[orientation] ?? orientation;

const image = fc
  .record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 9 }),
    channels: fc.constantFrom(1 as const, 3 as const),
  })
  .chain((size) => {
    const length = size.width * size.height * size.channels;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((pixels) => ({ ...size, pixels }));
  });

describe('an image turned upright', () => {
  it.each(SHOWN)('is, by orientation %i, %s', (orientation, rows) => {
    const pixels = Uint8Array.from('abcdef', (letter) => letter.charCodeAt(0));
    const turned = turnUpright({ width: 3, height: 2, channels: 1, pixels }, orientation);
    const shown = rows.split(' ');
    expect([turned.width, turned.height]).toEqual([shown[0]?.length, shown.length]);
    expect(String.fromCharCode(...turned.pixels)).toBe(shown.join(''));
  });

  it('and back is the same, and keeps the channels of a pixel together', () => {
    fc.assert(
      fc.property(image, fc.integer({ min: 1, max: 8 }), (stored, orientation) => {
        const turned = turnUpright(stored, orientation);
        expect(turnUpright(turned, inverse(orientation))).toEqual(stored);
        const pixelsOf = ({ pixels, channels }: DecodedImage) =>
          Array.from({ length: pixels.length / channels }, (_, i) => pixels.slice(i * channels, (i + 1) * channels).join()).sort();
        expect(pixelsOf(turned)).toEqual(pixelsOf(stored));
      }),
    );
  });

  it.each([0, 9, 1.5])('is none by orientation %d', (orientation) => {
    expect(() => turnUpright({ width: 1, height: 1, channels: 1, pixels: Uint8Array.of(1) }, orientation)).toThrow(RangeError);
  });
});

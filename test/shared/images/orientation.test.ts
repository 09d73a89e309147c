import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageError } from '../../../shared/images/image.ts';
import { exifClaims, startsWith, xmpClaims } from '../../../shared/images/metadata.ts';
import { addClaims, decideOrientation, type OrientationClaim, uprightLayout } from '../../../shared/images/orientation.ts';

/** An EXIF block of one directory, big-endian (MM) or little-endian (II), of entries [tag, type, count, value as two bytes pairs]. */
function exif(order: 'II' | 'MM', entries: [tag: number, type: number, count: number, value: number, isLong?: boolean][], magic = 42) {
  const bytes = new Uint8Array(14 + 12 * entries.length);
  const view = new DataView(bytes.buffer);
  const little = order === 'II';
  bytes.set([order.charCodeAt(0), order.charCodeAt(1)]);
  view.setUint16(2, magic, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, entries.length, little);
  for (const [i, [tag, type, count, value, isLong]] of entries.entries()) {
    const at = 10 + 12 * i;
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, type, little);
    view.setUint32(at + 4, count, little);
    if (isLong) view.setUint32(at + 8, value, little);
    else view.setUint16(at + 8, value, little);
  }
  return bytes;
}
const ORIENTATION = 0x0112;
const decided = (block: Uint8Array) => decideOrientation('JPEG', exifClaims(block, 'its EXIF', true));

describe('the orientation of an EXIF block', () => {
  it('is read in both byte orders, as one SHORT', () => {
    for (const order of ['II', 'MM'] as const)
      for (let value = 1; value <= 8; value++) expect(decided(exif(order, [[ORIENTATION, 3, 1, value]]))).toBe(value);
  });

  it('is 1 where nothing, or nothing that is an orientation, is said', () => {
    expect(decided(exif('II', [[0x0100, 3, 1, 6]]))).toBe(1);
    for (const value of [0, 9, 6000]) expect(decided(exif('MM', [[ORIENTATION, 3, 1, value]]))).toBe(1);
    expect(decided(new Uint8Array(3))).toBe(1);
  });

  it.each([
    ['a LONG for a SHORT', exif('II', [[ORIENTATION, 4, 1, 6, true]])],
    ['a LONG for a SHORT, big-endian', exif('MM', [[ORIENTATION, 4, 1, 6, true]])],
    ['two values for one', exif('II', [[ORIENTATION, 3, 2, 6]])],
    [
      'two entries that differ',
      exif('II', [
        [ORIENTATION, 3, 1, 3],
        [ORIENTATION, 3, 1, 6],
      ]),
    ],
    ['a TIFF without 42', exif('II', [[ORIENTATION, 3, 1, 6]], 43)],
    ['no byte order', exif('II', [[ORIENTATION, 3, 1, 6]]).fill(0x58, 0, 2)],
  ])('is not taken from %s', (_, block) => {
    expect(() => decided(block)).toThrow(ImageError);
    expect(() => decided(block)).toThrow(/It is not clear how the JPEG is turned/);
  });

  it('is taken from a careless block that says what all say', () => {
    expect(decided(exif('II', [[ORIENTATION, 4, 1, 1, true]]))).toBe(1);
    expect(
      decided(
        exif('II', [
          [ORIENTATION, 3, 1, 8],
          [ORIENTATION, 4, 1, 8, true],
        ]),
      ),
    ).toBe(8);
  });

  it('is an orientation or an ImageError, whatever the bytes', () => {
    const block = exif('MM', [
      [ORIENTATION, 3, 1, 6],
      [ORIENTATION, 4, 1, 6, true],
    ]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(block.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(block.length), (changes, cut) => {
        const changed = block.slice(0, cut);
        for (const [at, value] of changes) if (at < cut) changed[at] = value;
        try {
          expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(decided(changed));
        } catch (error) {
          expect(error).toBeInstanceOf(ImageError);
        }
      }),
    );
  });
});

describe('the claims of an EXIF block', () => {
  const claims = (block: Uint8Array, counts = true) => exifClaims(block, 'its EXIF', counts);
  const careless = (orientation: number) => ({ orientation, from: 'its EXIF, whose form is not right,', counts: false });
  it('are one of a block that is right, with or without its header', () => {
    const block = exif('II', [[ORIENTATION, 3, 1, 6]]);
    for (const each of [block, Uint8Array.of(0x45, 0x78, 0x69, 0x66, 0, 0, ...block)]) {
      expect(claims(each)).toEqual([{ orientation: 6, from: 'its EXIF', counts: true }]);
      expect(claims(each, false)).toEqual([{ orientation: 6, from: 'its EXIF', counts: false }]);
    }
    expect(claims(Uint8Array.of(0x45, 0x78, 0x69, 0x66, 0, 1, ...block))).toEqual([]);
    expect(claims(exif('MM', [[ORIENTATION, 3, 1, 0]]))).toEqual([{ orientation: 1, from: 'its EXIF', counts: true }]);
  });

  it('are each reading once, of which the first entry alone counts', () => {
    const first = { orientation: 6, from: 'its EXIF', counts: true };
    const of = (...entries: Parameters<typeof exif>[1]) => claims(exif('II', entries));
    expect(of([ORIENTATION, 3, 1, 6], [ORIENTATION, 3, 1, 6], [ORIENTATION, 3, 1, 6])).toEqual([first, careless(6)]);
    expect(of([ORIENTATION, 3, 1, 6], [ORIENTATION, 3, 1, 3], [ORIENTATION, 3, 1, 6])).toEqual([first, careless(3), careless(6)]);
    expect(of([ORIENTATION, 4, 1, 6, true], [ORIENTATION, 3, 1, 6])).toEqual([careless(6)]);
    // As SHORT, as LONG and as BYTE; what is no orientation is none here.
    expect(claims(exif('MM', [[ORIENTATION, 3, 2, 0x0306]]))).toEqual([careless(3)]);
    expect(claims(exif('MM', [[ORIENTATION, 4, 1, 6, true]]))).toEqual([careless(6)]);
    expect(of([ORIENTATION, 7, 1, 9])).toEqual([]);
  });

  it('are those of both byte orders where the block names none', () => {
    for (const order of ['II', 'MM'] as const)
      expect(claims(exif(order, [[ORIENTATION, 3, 1, 6]]).fill(0x58, 0, 2))).toContainEqual(careless(6));
  });

  it('are none of a block that ends before its directory', () => {
    const block = exif('II', [[ORIENTATION, 3, 1, 6]]);
    for (const length of [0, 7, 8, 9, 10, 21]) expect(claims(block.subarray(0, length)), String(length)).toEqual([]);
    expect(claims(block.subarray(0, 22))).toHaveLength(1);
  });
});

describe('claims', () => {
  const claim: OrientationClaim = { orientation: 3, from: 'its XMP', counts: false };
  it('are kept once each', () => {
    const claims: OrientationClaim[] = [];
    const others = [
      { ...claim, orientation: 6 },
      { ...claim, from: 'its EXIF' },
      { ...claim, counts: true },
    ];
    addClaims(claims, [claim, claim, ...others]);
    addClaims(claims, [...others, claim]);
    expect(claims).toEqual([claim, ...others]);
  });

  it('that differ say what to do', () => {
    expect(() => decideOrientation('PNG', [claim])).toThrow(
      'Readers of images would show different pictures. Save it upright, without metadata.',
    );
  });
});

it('bytes begin with a text only if they have all of it', () => {
  const bytes = new TextEncoder().encode('Exif');
  expect(['', 'Exi', 'Exif', 'exif', 'Exif\0', 'Exix'].map((text) => startsWith(bytes, text))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

it('an image is laid out by one of eight orientations', () => {
  for (const orientation of [0, 9])
    expect(() => uprightLayout(2, 3, orientation)).toThrow(`orientation is ${orientation}; 1 to 8 are allowed`);
});

describe('XMP', () => {
  const xmp = (text: string) => xmpClaims(new TextEncoder().encode(text), 'its XMP');
  it('is looked at as an attribute, as an element, and under any prefix', () => {
    for (const text of [
      '<a tiff:Orientation="6"/>',
      "<a tiff:Orientation = '6'/>",
      '<tiff:Orientation>6</tiff:Orientation>',
      '<b t:Orientation="6"/>',
    ])
      expect(xmp(text)).toEqual([{ orientation: 6, from: 'its XMP', counts: false }]);
    const six = { orientation: 6, from: 'its XMP', counts: false };
    expect(xmp(':Orientation="6"')).toEqual([six]);
    expect(xmp('<\0a\0 tiff:Orien\0tation="\x006\0"/>')).toEqual([six]);
    expect(xmp('<a tiff:Orientation="1"/><a tiff:Orientation="6"/><a tiff:Orientation="6"/>')).toEqual([{ ...six, orientation: 1 }, six]);
    expect(xmp('<a tiff:Orientation="12"/><exif:OrientationX>4<')).toEqual([{ orientation: 1, from: 'its XMP', counts: false }]);
  });

  it('that says otherwise than EXIF makes the picture unclear; that agrees does not', () => {
    const six = exifClaims(exif('II', [[ORIENTATION, 3, 1, 6]]), 'its EXIF', true);
    expect(decideOrientation('PNG', [...xmp('<a tiff:Orientation="6"/>'), ...six])).toBe(6);
    expect(() => decideOrientation('PNG', [...xmp('<a tiff:Orientation="1"/>'), ...six])).toThrow(
      'its XMP says orientation 1, but its EXIF says 6',
    );
    expect(() => decideOrientation('PNG', xmp('<a tiff:Orientation="6"/>'))).toThrow('but nothing that all readers look at says so');
  });
});

import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openImageReader } from '../../../../node/image-reader.ts';
import { ImageError } from '../../../../shared/images/image.ts';
import { DEFAULT_LIMITS } from '../../../../shared/images/limits.ts';
import { chunkOf } from '../../../../shared/images/png/chunk.ts';
import {
  damagedChunk,
  exifBlock,
  idat,
  iend,
  ihdr,
  type PngHeader,
  png,
  pngChunk,
  rawProfile,
  rows,
} from '../../../samples/image-parts.ts';

const readImage = await openImageReader();
const read = (bytes: Uint8Array) => readImage(bytes, { limits: DEFAULT_LIMITS, background: 0 });
const pixelsOf = async (bytes: Uint8Array) => Array.from((await read(bytes)).pixels);
const refusalOf = async (bytes: Uint8Array): Promise<string> => {
  const error = await read(bytes).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ImageError);
  return `${(error as ImageError).fault}: ${(error as ImageError).message}`;
};
const refused = async (bytes: Uint8Array, why: RegExp, fault = '') => {
  const refusal = await refusalOf(bytes);
  expect(refusal).toMatch(why);
  expect(refusal.startsWith(fault)).toBe(true);
};
const palette = (entries: number) => pngChunk('PLTE', new Uint8Array(3 * entries).fill(7));
const indexed = (...before: Uint8Array[]) => png(ihdr({ colourType: 3 }), ...before, idat(new Uint8Array(6)), iend);
const text = (name: string, ...parts: (string | Uint8Array)[]) =>
  pngChunk(name, Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))));

describe('the chunks of a PNG that its pixels need', () => {
  const whole = png(ihdr(), idat(rows), iend);

  it('are enough', async () => {
    expect(await read(whole)).toEqual({ width: 2, height: 2, channels: 1, pixels: Uint8Array.of(10, 20, 30, 40) });
  });

  it('may have their pixels in pieces of any number and size', async () => {
    const data = deflateSync(rows);
    const bytes = Array.from(data, (byte) => pngChunk('IDAT', Uint8Array.of(byte)));
    expect(await pixelsOf(png(ihdr(), ...bytes, iend))).toEqual([10, 20, 30, 40]);
    for (const size of [31, 32, 33]) {
      const noise = randomBytes(8 * 25);
      const lines = Array.from({ length: 8 }, (_, row) => Buffer.concat([Buffer.of(0), noise.subarray(row * 25, (row + 1) * 25)]));
      const long = deflateSync(Buffer.concat(lines));
      const pieces = Array.from({ length: Math.ceil(long.length / size) }, (_, i) =>
        pngChunk('IDAT', long.subarray(i * size, (i + 1) * size)),
      );
      for (const more of [[], new Array<Buffer>(1024).fill(pngChunk('IDAT', new Uint8Array(0)))])
        expect(await pixelsOf(png(ihdr({ width: 25, height: 8 }), ...more, ...pieces, iend))).toEqual([...noise]);
    }
    const empty = new Array<Buffer>(3000).fill(pngChunk('IDAT', new Uint8Array(0)));
    expect(await pixelsOf(png(ihdr(), ...empty, ...bytes, ...empty, iend))).toEqual([10, 20, 30, 40]);
  });

  it('may be interlaced', async () => {
    expect(await pixelsOf(png(ihdr({ interlace: 1 }), idat(Uint8Array.of(0, 10, 0, 20, 0, 30, 40)), iend))).toEqual([10, 20, 30, 40]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing but the signature', png(), /does not begin with a header \(IHDR\)/],
    ['the header not first', png(pngChunk('gAMA', new Uint8Array(4)), ihdr(), idat(rows), iend), /does not begin with a header/],
    ['a header of 14 bytes', png(pngChunk('IHDR', new Uint8Array(14)), idat(rows), iend), /does not begin with a header/],
    ['two headers', png(ihdr(), ihdr(), idat(rows), iend), /chunk IHDR, which a reader must know but PNG does not have there/],
    ['a header with a wrong checksum', png(damagedChunk(ihdr()), idat(rows), iend), /checksum of its header/],
    ['pixels with a wrong checksum', png(ihdr(), damagedChunk(idat(rows)), iend), /checksum of its chunk IDAT/],
    ['an end with a wrong checksum', png(ihdr(), idat(rows), damagedChunk(iend)), /checksum of its chunk IEND/],
    ['no pixels', png(ihdr(), iend), /no pixels \(IDAT\)/],
    ['no end', png(ihdr(), idat(rows)), /ends before its last chunk, IEND/],
    ['an end that is not empty', png(ihdr(), idat(rows), pngChunk('IEND', Uint8Array.of(0))), /IEND, is not empty/],
    ['pixels in two places', png(ihdr(), idat(rows), pngChunk('tIME', new Uint8Array(7)), idat(rows), iend), /not in one piece/],
    [
      'a critical chunk that nobody knows',
      png(ihdr(), pngChunk('ABCD', new Uint8Array(1)), idat(rows), iend),
      /chunk ABCD, which a reader must know/,
    ],
    ['a critical chunk with the reserved bit', png(ihdr(), pngChunk('IDaT', new Uint8Array(1)), idat(rows), iend), /chunk IDaT, which/],
    ['a chunk that ends behind the file', whole.subarray(0, -1), /cut off, or no chunk begins at byte/],
    ['a last chunk that is cut within its data', png(ihdr(), idat(rows)).subarray(0, -5), /cut off, or no chunk begins at byte 33/],
    ['a name beyond the letters', png(ihdr(), pngChunk('a{Aa', new Uint8Array(0)), idat(rows), iend), /no chunk begins at byte 33/],
    ['a name that is not of letters', png(ihdr(), pngChunk('a1Aa', new Uint8Array(0)), idat(rows), iend), /no chunk begins at byte 33/],
  ])('are refused where there is %s', (_, bytes, why) => refused(bytes, why));

  it.each<[string, PngHeader]>([
    ['3 bits of grey', { bitDepth: 3 }],
    ['4 bits of RGB', { colourType: 2, bitDepth: 4 }],
    ['16 bits of palette', { colourType: 3, bitDepth: 16 }],
    ['colour type 1', { colourType: 1 }],
    ['colour type 5', { colourType: 5 }],
    ['compression 1', { compression: 1 }],
    ['filter method 64', { filter: 64 }],
    ['interlacing 2', { interlace: 2 }],
  ])('are refused with a header of %s', (_, header) =>
    refused(png(ihdr(header), idat(rows), iend), /its header has colour type .* which PNG does not have/),
  );

  it.each([
    ['0 x 2', 0, 2, /0 x 2: it has no pixels/],
    ['2 x 0', 2, 0, /2 x 0: it has no pixels/],
    ['more pixels than are allowed', 0xffffffff, 0xffffffff, /at most \d+ pixels are allowed/],
    ['a side that is too long', DEFAULT_LIMITS.maxSide + 1, 200, /each side may have at most/],
    ['a strip', 65, 1, /at most 64 times the shorter/],
  ])('are refused of %s, whatever else', (_, width, height, why) => refused(png(damagedChunk(ihdr({ width, height }))), why));
});

describe('the palette', () => {
  it('has 1 to 256 colours', async () => {
    for (const entries of [1, 256]) expect(await pixelsOf(indexed(palette(entries)))).toEqual(new Array(12).fill(7));
    for (const entries of [0, 257]) await refused(indexed(palette(entries)), /has \d+ bytes; 1 to 256 colours of three/);
    await refused(indexed(pngChunk('PLTE', new Uint8Array(4))), /has 4 bytes; 1 to 256 colours/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['missing', indexed(), /palette \(PLTE\) is missing/],
    ['there twice', indexed(palette(2), palette(2)), /there twice, or in the wrong place/],
    ['behind the pixels', png(ihdr({ colourType: 2 }), idat(new Uint8Array(14)), palette(2), iend), /in the wrong place/],
    [
      'behind the transparency',
      png(ihdr({ colourType: 2 }), pngChunk('tRNS', new Uint8Array(6)), palette(2), idat(new Uint8Array(14)), iend),
      /in the wrong place/,
    ],
    ['damaged', indexed(damagedChunk(palette(2))), /checksum of its chunk PLTE/],
    ['in a grey image', png(ihdr(), palette(2), idat(rows), iend), /it is grey but has a palette/],
  ])('is refused where it is %s', (_, bytes, why) => refused(bytes, why));

  it('shows a colour that it does not have as black, as everybody does', async () => {
    expect(await pixelsOf(png(ihdr({ colourType: 3 }), palette(1), idat(Uint8Array.of(0, 0, 1, 0, 200, 0)), iend))).toEqual([
      ...[7, 7, 7, 0, 0, 0],
      ...[0, 0, 0, 7, 7, 7],
    ]);
  });
});

describe('transparency (tRNS)', () => {
  const rgb = (...before: Uint8Array[]) => png(ihdr({ colourType: 2 }), ...before, idat(new Uint8Array(14).fill(9, 1)), iend);
  const tRNS = (length: number) => pngChunk('tRNS', new Uint8Array(length));

  it('puts what it names on the background', async () => {
    expect(await pixelsOf(png(ihdr(), pngChunk('tRNS', Uint8Array.of(0, 20)), idat(rows), iend))).toEqual([10, 0, 30, 40]);
    expect(await pixelsOf(indexed(palette(2), pngChunk('tRNS', Uint8Array.of(0))))).toEqual(new Array(12).fill(0));
  });

  it('names at most each colour of the palette', async () => {
    expect(await pixelsOf(indexed(palette(2), tRNS(2)))).toEqual(new Array(12).fill(0));
  });

  it('is that of the alpha channel too', async () => {
    const [grey, colour] = [Uint8Array.of(0, 10, 255, 20, 0), Uint8Array.of(0, 1, 2, 3, 255, 4, 5, 6, 0)];
    expect(await pixelsOf(png(ihdr({ height: 1, colourType: 4 }), idat(grey), iend))).toEqual([10, 0]);
    expect(await pixelsOf(png(ihdr({ height: 1, colourType: 6 }), idat(colour), iend))).toEqual([1, 2, 3, 0, 0, 0]);
  });

  it('compares all 16 bits of a sample', async () => {
    const raw = Uint8Array.of(0, 10, 1, 10, 2);
    expect(await pixelsOf(png(ihdr({ height: 1, bitDepth: 16 }), pngChunk('tRNS', Uint8Array.of(10, 1)), idat(raw), iend))).toEqual([
      0, 10,
    ]);
  });

  it.each<[string, Uint8Array]>([
    ['1 byte of grey', png(ihdr(), tRNS(1), idat(rows), iend)],
    ['6 bytes of grey', png(ihdr(), tRNS(6), idat(rows), iend)],
    ['2 bytes of RGB', rgb(tRNS(2))],
    ['no bytes of a palette', indexed(palette(2), tRNS(0))],
    ['more than the palette', indexed(palette(2), tRNS(3))],
    ['before the palette', indexed(tRNS(1), palette(2))],
    ['there twice', rgb(tRNS(6), tRNS(6))],
    ['behind the pixels', png(ihdr(), idat(rows), tRNS(2), iend)],
  ])('is refused of %s', (_, bytes) => refused(bytes, /transparency \(tRNS\) is there twice, in the wrong place, or of the wrong length/));

  it('is refused with a wrong checksum', () => refused(rgb(damagedChunk(tRNS(6))), /checksum of its chunk tRNS/));

  it('is left out where there is alpha already, however wrong', async () => {
    const alpha = png(ihdr({ colourType: 4 }), damagedChunk(tRNS(5)), idat(Uint8Array.of(0, 10, 255, 20, 255, 0, 30, 255, 40, 255)), iend);
    expect(await pixelsOf(alpha)).toEqual([10, 20, 30, 40]);
  });
});

describe('chunks that the pixels do not need', () => {
  it.each(['iCCP', 'gAMA', 'cHRM', 'sRGB', 'sBIT', 'pHYs', 'bKGD', 'hIST', 'tEXt', 'zTXt', 'iTXt', 'tIME', 'cICP', 'acTL', 'aaaa'])(
    'never decide, as %s: doubled, damaged, of any length, in any place',
    async (name) => {
      for (const length of [0, 1, 30]) {
        const chunk = pngChunk(name, randomBytes(length));
        const around = [chunk, damagedChunk(chunk), chunk];
        expect(await pixelsOf(png(ihdr(), ...around, idat(rows), ...around, iend, ...around))).toEqual([10, 20, 30, 40]);
      }
    },
  );

  it('give the first image of an animation', async () => {
    const control = pngChunk('acTL', Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0));
    const frame = (number: number) =>
      pngChunk(
        'fcTL',
        Uint8Array.from({ length: 26 }, (_, i) => ({ 3: number, 7: 2, 11: 2 })[i] ?? 0),
      );
    const other = pngChunk('fdAT', Buffer.concat([Buffer.from([0, 0, 0, 2]), deflateSync(Uint8Array.of(0, 90, 90, 0, 90, 90))]));
    expect(await pixelsOf(png(ihdr(), control, frame(0), idat(rows), frame(1), other, iend))).toEqual([10, 20, 30, 40]);
    // The IDAT is no frame of it.
    expect(await pixelsOf(png(ihdr(), control, idat(rows), frame(0), other, iend))).toEqual([10, 20, 30, 40]);
  });

  it('and what follows the end are left out', async () => {
    expect(await pixelsOf(png(ihdr(), idat(rows), iend, png(ihdr(), idat(new Uint8Array(6)), iend)))).toEqual([10, 20, 30, 40]);
  });
});

describe('the orientation of a PNG', () => {
  const upside = [40, 30, 20, 10];
  const eXIf = (orientation: number, prefix = '') => text('eXIf', prefix, exifBlock(orientation));
  const profile = (block: Uint8Array) => rawProfile(block);
  const xmp = '<x tiff:Orientation="3"/>';
  const unclear = /It is not clear how the PNG is turned/;

  it('is that of an eXIf before the pixels', async () => {
    expect(await pixelsOf(png(ihdr(), eXIf(3), idat(rows), iend))).toEqual(upside);
  });

  it.each<[string, Uint8Array[], Uint8Array[], Uint8Array[]]>([
    ['an eXIf behind the pixels', [], [eXIf(3)], []],
    ['an eXIf behind the end', [], [], [eXIf(3)]],
    ['a damaged eXIf', [damagedChunk(eXIf(3))], [], []],
    ['an eXIf with a header that belongs into JPEGs', [eXIf(3, 'Exif\0\0')], [], []],
    ['a second eXIf', [eXIf(3), eXIf(1)], [], []],
    ['XMP', [text('iTXt', 'XML:com.adobe.xmp\0\0\0\0\0', xmp)], [], []],
    ['compressed XMP', [text('iTXt', 'XML:com.adobe.xmp\0\x01\0\0\0', deflateSync(Buffer.from(xmp)))], [], []],
    ['XMP behind the end', [], [], [text('iTXt', 'XML:com.adobe.xmp\0\0\0\0\0', xmp)]],
    ['a profile in tEXt', [text('tEXt', 'Raw profile type exif\0', profile(exifBlock(3)))], [], []],
    [
      'a profile APP1 in tEXt',
      [text('tEXt', 'Raw profile type APP1\0', profile(Buffer.concat([Buffer.from('Exif\0\0'), exifBlock(3)])))],
      [],
      [],
    ],
    ['a profile in zTXt', [], [text('zTXt', 'Raw profile type exif\0\0', deflateSync(profile(exifBlock(3))))], []],
    ['a profile in iTXt', [text('iTXt', 'Raw profile type exif\0\0\0en\0x\0', profile(exifBlock(3)))], [], []],
    ['a profile in compressed iTXt', [text('iTXt', 'Raw profile type exif\0\x01\0en\0x\0', deflateSync(profile(exifBlock(3))))], [], []],
    // Pillow 13 turns an image as each of these says.
    ['XMP in tEXt', [text('tEXt', 'XML:com.adobe.xmp\0', xmp)], [], []],
    ['XMP in zTXt', [text('zTXt', 'XML:com.adobe.xmp\0\0', deflateSync(Buffer.from(xmp)))], [], []],
    ['XMP behind much else', [text('iTXt', 'XML:com.adobe.xmp\0\0\0\0\0', ' '.repeat(600_000), xmp)], [], []],
    ['XMP whose flag of compression is 2', [text('iTXt', 'XML:com.adobe.xmp\0\x02\0\0\0', deflateSync(Buffer.from(xmp)))], [], []],
    ['EXIF as it is in tEXt', [text('tEXt', 'exif\0Exif\0\0', exifBlock(3))], [], []],
    [
      'a profile in zTXt that is cut off behind it',
      [text('zTXt', 'Raw profile type exif\0\0', deflateSync(profile(exifBlock(3))).subarray(0, -4))],
      [],
      [],
    ],
    ['XMP in a profile', [text('zTXt', 'Raw profile type xmp\0\0', deflateSync(profile(Buffer.from(xmp))))], [], []],
  ])('is unclear where %s says otherwise', (_, before, behind, after) =>
    refused(png(ihdr(), ...before, idat(rows), ...behind, iend, ...after), unclear),
  );

  it('is unclear with the reason', async () => {
    const why = (...chunks: Uint8Array[]) => refusalOf(png(ihdr(), ...chunks, idat(rows), iend));
    expect(await why(eXIf(3), eXIf(1))).toContain('EXIF of another place says orientation 1, but its EXIF says 3.');
    expect(await why(text('tEXt', 'Raw profile type exif\0', profile(exifBlock(3))))).toContain(
      'a profile in its text chunks says orientation 3, but nothing that all readers look at says so.',
    );
  });

  it('is not that of a chunk of another name', async () => {
    expect(await pixelsOf(png(ihdr(), text('aaaa', exifBlock(3)), idat(rows), iend))).toEqual([10, 20, 30, 40]);
  });

  it('is found in a profile of several lines', () => {
    const long = profile(Buffer.from(`<x a="${'x'.repeat(100)}" tiff:Orientation="3"/>`));
    return refused(png(ihdr(), text('tEXt', 'Raw profile type xmp\0', long), idat(rows), iend), unclear);
  });

  it('is clear where all say the same', async () => {
    const same = [
      eXIf(3),
      text('iTXt', 'XML:com.adobe.xmp\0\0\0\0\0', xmp),
      text('tEXt', 'Raw profile type exif\0', profile(exifBlock(3))),
    ];
    expect(await pixelsOf(png(ihdr(), ...same, idat(rows), iend, eXIf(3)))).toEqual(upside);
  });

  it('is not looked for in more than eight texts', async () => {
    const texts = (count: number) => new Array<Buffer>(count).fill(text('tEXt', 'Raw profile type icc\0', profile(Buffer.alloc(3))));
    expect(await pixelsOf(png(ihdr(), ...texts(8), idat(rows), iend))).toEqual([10, 20, 30, 40]);
    await refused(png(ihdr(), ...texts(9), idat(rows), iend), /more than 8 profiles in text chunks/, 'image-too-large');
  });

  it('is not looked for in texts that are damaged', async () => {
    const broken = text('zTXt', 'Raw profile type exif\0\0', deflateSync(profile(exifBlock(3))).fill(0xff, 2, 9));
    expect(await pixelsOf(png(ihdr(), broken, text('iTXt', 'Raw profile type exif'), idat(rows), iend))).toEqual([10, 20, 30, 40]);
  });

  it('is not looked for where compressed texts are long: 64 files in a request would take seconds', async () => {
    const long = (bytes: number) => text('zTXt', 'Raw profile type exif\0\0', deflateSync(Buffer.alloc(bytes, 'a')));
    expect(await pixelsOf(png(ihdr(), long(131_072), long(131_072), idat(rows), iend))).toEqual([10, 20, 30, 40]);
    const plain = text('tEXt', 'Raw profile type icc\0', 'a'.repeat(262_144));
    expect(await pixelsOf(png(ihdr(), plain, plain, long(262_144), idat(rows), iend))).toEqual([10, 20, 30, 40]);
    for (const texts of [[long(3_000_000)], [long(131_072), long(131_072), long(1_000)]])
      await refused(png(ihdr(), ...texts, idat(rows), iend), /profiles of more than 262144 bytes in compressed text chunks/);
  });
});

describe('compressed pixels', () => {
  const data = deflateSync(rows);
  const of = (compressed: Uint8Array) => png(ihdr(), pngChunk('IDAT', compressed), iend);

  it.each<[string, Uint8Array, RegExp]>([
    ['with bytes behind their end', of(Buffer.concat([data, Buffer.of(0)])), /do not end as they should/],
    ['without their checksum', of(data.subarray(0, -4)), /do not end as they should/],
    ['with a wrong checksum', of(data.map((byte, i) => (i === data.length - 1 ? byte ^ 1 : byte))), /or their checksum is wrong/],
    ['that are no zlib stream', of(Uint8Array.of(1, 2, 3)), /do not end as they should/],
    ['with a preset dictionary', of(Uint8Array.of(0x78, 0xbb, 0, 0, 0, 1, 3, 0)), /do not end as they should/],
    ['that are none', of(new Uint8Array(0)), /do not end as they should/],
    ['of a row too few', of(deflateSync(rows.subarray(0, 3))), /fewer than its width and height say/],
    ['of a byte too many', of(deflateSync(Buffer.concat([rows, Buffer.of(0)]))), /more than its width and height say/],
    ['of a filter that there is not', of(deflateSync(Uint8Array.of(5, 1, 1, 0, 1, 1))), /a filter that PNG does not have/],
  ])('are refused %s', (_, bytes, why) => refused(bytes, why));

  it('of 16 bits give their high bytes, and count as many pixels as they have 32 bits', async () => {
    const deep = (width: number, height: number) => ihdr({ width, height, bitDepth: 16, colourType: 6 });
    const raw = Uint8Array.of(0, 1, 255, 2, 128, 3, 127, 255, 255);
    expect(await pixelsOf(png(deep(1, 1), idat(raw), iend))).toEqual([1, 2, 3]);
    const why = /16 bits a channel, so it counts as 2099200 pixels; .*Save it with 8 bits, or smaller\.$/;
    await refused(png(deep(1025, 1024), idat(raw), iend), why, 'image-too-large');
    const limits = { ...DEFAULT_LIMITS, maxPixels: 2 };
    expect((await readImage(png(deep(1, 1), idat(raw), iend), { limits, background: 0 })).width).toBe(1);
  });
});

it('a chunk is made with its length and checksum', () => {
  for (const data of [new Uint8Array(0), randomBytes(300)]) expect(Buffer.concat(chunkOf('IDAT', data))).toEqual(pngChunk('IDAT', data));
});

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeBySharp } from '../../../../bench/reliability/decode-by-sharp.ts';
import { fullJpeg, refinedJpeg, restartedJpeg } from '../../../../bench/worst/hostile-jpeg.ts';
import { openImageReader } from '../../../../node/image-reader.ts';
import { ImageError } from '../../../../shared/images/image.ts';
import { readJpegFile } from '../../../../shared/images/jpeg/container.ts';
import { MAX_COEFFICIENT_BYTES, maxCoefficients } from '../../../../shared/images/jpeg/cost.ts';
import { frameOf, scanOf } from '../../../../shared/images/jpeg/frame.ts';
import { DEFAULT_LIMITS, type ImageLimits } from '../../../../shared/images/limits.ts';
import { exifBlock, segment, segmentsOf } from '../../../samples/image-parts.ts';

const readImage = await openImageReader();
const read = (bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS) => readImage(bytes, { limits, background: 0 });
const refused = async (bytes: Uint8Array, why: RegExp, limits: ImageLimits = DEFAULT_LIMITS, fault = 'bad-image') => {
  const error = await read(bytes, limits).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ImageError);
  expect((error as ImageError).message).toMatch(why);
  expect((error as ImageError).fault).toBe(fault);
};

const colour = sharp(Buffer.from(Array.from({ length: 3 * 40 * 24 }, (_, i) => (i * 31 + ((i * i) >> 5)) & 255)), {
  raw: { width: 40, height: 24, channels: 3 },
});
const plain = await colour.clone().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer();
const progressive = await colour.clone().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer();
const same = async (bytes: Buffer) => expect(await read(bytes)).toEqual(await decodeBySharp(bytes));
/** With more segments behind that of the given marker, or behind the start. */
const withBehind = (jpeg: Buffer, marker: number | null, ...more: Buffer[]) => {
  const segments = segmentsOf(jpeg);
  segments.splice(marker === null ? 1 : segments.findIndex((each) => each[1] === marker) + 1, 0, ...more);
  return Buffer.concat(segments);
};
const exif = (orientation: number, end = 0) => segment(0xe1, ...Buffer.from('Exif\0'), end, ...exifBlock(orientation));
/** Whose first directory stands in the second segment, behind a header that points nowhere. */
const exifInTwo = (orientation: number) => {
  const start = (offset: number) => [...Buffer.from('Exif\0\0MM\0*'), 0, 0, offset >> 8, offset & 255];
  return [segment(0xe1, ...start(16)), segment(0xe1, ...start(0xffff), ...exifBlock(orientation).subarray(8))];
};
const longXmp = segment(0xe1, ...Buffer.from(`http://ns.adobe.com/xap/1.0/\0${' '.repeat(65_000)}`));
const xmp = (orientation: number) => segment(0xe1, ...Buffer.from(`http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="${orientation}"/>`));

describe('the frame of a JPEG', () => {
  const frame = (marker: number, precision: number, height: number, width: number, ...sampling: number[]) =>
    frameOf(
      marker,
      Uint8Array.of(
        precision,
        height >> 8,
        height & 255,
        width >> 8,
        width & 255,
        sampling.length,
        ...sampling.flatMap((s, i) => [i + 1, s, 0]),
      ),
    );

  it('counts blocks, padded to whole units where a scan has several components', () => {
    // 20 x 17, 4:2:0: units of 16 x 16, 2 x 2 of them, six blocks in each; luma 3 x 3 blocks, chroma, 10 x 9 samples, 2 x 2.
    expect(frame(0xc0, 8, 17, 20, 0x22, 0x11, 0x11)).toMatchObject({
      ...{ width: 20, height: 17, progressive: false, blocks: 24 },
      components: [{ blocks: 9 }, { blocks: 4 }, { blocks: 4 }],
    });
    expect(frame(0xc2, 8, 1, 1, 0x44)).toMatchObject({ progressive: true, blocks: 16, components: [{ blocks: 1 }] });
  });

  it('and coefficients, four more for each block', () => {
    const sequential = frame(0xc0, 8, 17, 20, 0x22, 0x11, 0x11);
    expect(scanOf(Uint8Array.of(3, 1, 0, 2, 0, 3, 0, 0, 63, 0), sequential)).toEqual({ kept: false, cost: 24 * 68 });
    expect(scanOf(Uint8Array.of(1, 2, 0, 0, 63, 0), sequential)).toEqual({ kept: true, cost: 4 * 68 });
    const refined = frame(0xc2, 8, 17, 20, 0x22, 0x11, 0x11);
    expect(scanOf(Uint8Array.of(3, 1, 0, 2, 0, 3, 0, 0, 0, 1), refined)).toEqual({ kept: true, cost: 24 * 5 });
    expect(scanOf(Uint8Array.of(1, 1, 0, 6, 63, 0), refined)).toEqual({ kept: true, cost: 9 * 62 });
  });

  it.each<[string, number, Buffer, RegExp]>([
    ['lossless', 0xc3, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x11, 0), /is lossless, which is not read/],
    ['arithmetic-coded', 0xc9, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x11, 0), /is arithmetic-coded/],
    ['hierarchical', 0xc5, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x11, 0), /of a rare kind/],
    ['of 12 bits', 0xc1, Buffer.of(12, 0, 1, 0, 1, 1, 1, 0x11, 0), /is of 12 bits/],
    ['CMYK', 0xc0, Buffer.of(8, 0, 1, 0, 1, 4, 1, 17, 0, 2, 17, 0, 3, 17, 0, 4, 17, 0), /is in CMYK/],
    ['of two components', 0xc0, Buffer.of(8, 0, 1, 0, 1, 2, 1, 17, 0, 2, 17, 0), /is of 2 components/],
    ['without a height', 0xc0, Buffer.of(8, 0, 0, 0, 1, 1, 1, 0x11, 0), /of a height that is given after its pixels/],
    ['with a component twice', 0xc0, Buffer.of(8, 0, 1, 0, 1, 3, 1, 17, 0, 1, 17, 0, 3, 17, 0), /a component twice/],
    ['with a sampling of 0', 0xc0, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x10, 0), /a sampling that JPEG does not have/],
    ['arithmetic-coded and progressive', 0xca, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x11, 0), /is arithmetic-coded/],
    ['lossless and arithmetic-coded', 0xcb, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x11, 0), /is lossless/],
    ['of no components', 0xc0, Buffer.of(8, 0, 1, 0, 1, 0), /is of 0 components/],
    ['with a sampling of 0 across', 0xc0, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x01, 0), /a sampling that JPEG does not have/],
    ['with a sampling of 5 down', 0xc0, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x15, 0), /a sampling that JPEG does not have/],
    ['with a sampling of 0 in its last component', 0xc0, Buffer.of(8, 0, 1, 0, 1, 3, 1, 17, 0, 2, 17, 0, 3, 0, 0), /a sampling that/],
    ['too long', 0xc0, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0), /frame header is not valid/],
    ['without its components', 0xc0, Buffer.of(8, 0, 1, 0, 1, 1), /frame header is not valid/],
    ['with a sampling of 5', 0xc0, Buffer.of(8, 0, 1, 0, 1, 1, 1, 0x51, 0), /a sampling that JPEG does not have/],
    ['too short', 0xc0, Buffer.of(8, 0, 1), /frame header is not valid/],
  ])('is refused where it is %s', (_, marker, data, why) => {
    expect(() => frameOf(marker, data)).toThrow(ImageError);
    expect(() => frameOf(marker, data)).toThrow(why);
  });
});

describe('the scan of a JPEG', () => {
  const progressiveFrame = frameOf(0xc2, Uint8Array.of(8, 0, 8, 0, 8, 3, 1, 17, 0, 2, 17, 0, 3, 17, 0));
  it.each<[string, number[], RegExp]>([
    ['of nothing', [], /a scan is not valid, or comes before the frame header/],
    ['of no component', [0, 0, 0, 0], /a scan is not valid/],
    ['of more components than the frame has', [4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0], /a scan is not valid/],
    ['of fewer bytes than it needs', [1, 1, 0, 0, 0], /a scan is not valid/],
    ['of more bytes than it needs', [1, 1, 0, 0, 0, 0, 0], /a scan is not valid/],
    ['of a component that there is not', [1, 9, 0, 0, 0, 0], /a component that is not there/],
    ['from a coefficient to one before it', [1, 1, 0, 2, 1, 0], /coefficients that JPEG does not have/],
    ['to coefficient 64', [1, 1, 0, 1, 64, 0], /coefficients that JPEG does not have/],
  ])('is refused if it is %s', (_, data, why) => {
    expect(() => scanOf(Uint8Array.from(data), progressiveFrame)).toThrow(ImageError);
    expect(() => scanOf(Uint8Array.from(data), progressiveFrame)).toThrow(why);
  });

  it('may be of one coefficient, up to the last', () => {
    for (const coefficient of [0, 63])
      expect(scanOf(Uint8Array.of(1, 1, 0, coefficient, coefficient, 0), progressiveFrame)).toEqual({ kept: true, cost: 5 });
    expect(() => scanOf(Uint8Array.of(1, 1, 0, 0, 0, 0), undefined)).toThrow(/comes before the frame header/);
  });
});

describe('the segments of a JPEG', () => {
  it('are read as libvips reads them', async () => {
    for (const each of [plain, progressive, restartedJpeg(40, 24), fullJpeg(40, 24, [0x22, 0x11, 0x11])]) await same(each);
  });

  it('may have fill bytes between them, comments, restart markers, and anything behind the end', async () => {
    const image = await read(plain);
    const segments = segmentsOf(plain);
    const filled = Buffer.concat(segments.flatMap((each, i) => (i === 0 ? [each] : [Buffer.of(0xff, 0xff), each])));
    expect(await read(filled)).toEqual(image);
    expect(await read(withBehind(plain, null, segment(0xfe, 1, 2, 3), Buffer.of(0xff, 0xd0)))).toEqual(image);
    // Whether the pixels can be decoded then is another question.
    const others = [...[0x01, 0xd7].map((marker) => Buffer.of(0xff, marker)), segment(0xc8), segment(0xcc, 1), segment(0xbf, 1)];
    expect(readJpegFile(withBehind(plain, null, ...others), DEFAULT_LIMITS).width).toBe(40);
    expect(await read(Buffer.concat([plain, progressive, Buffer.of(1)]))).toEqual(image);
  });

  it.each<[string, Buffer, RegExp]>([
    ['two frames', withBehind(plain, 0xc0, segmentsOf(plain).find((each) => each[1] === 0xc0) as Buffer), /it has two frames/],
    [
      'a second frame behind a scan',
      withBehind(progressive, 0xda, segmentsOf(progressive).find((each) => each[1] === 0xc2) as Buffer),
      /it has two frames/,
    ],
    ['a frame of kind CF', withBehind(plain, null, segment(0xcf, 8, 0, 24, 0, 40, 1, 1, 17, 0)), /is of a rare kind/],
    ['a scan before the frame', withBehind(plain, null, segmentsOf(plain).at(-2) as Buffer), /comes before the frame header/],
    ['a start within', withBehind(plain, 0xdb, Buffer.of(0xff, 0xd8)), /the segment at byte \d+ is not valid/],
    ['a height after the pixels', withBehind(plain, 0xda, segment(0xdc, 0, 24)), /of a height that is given after its pixels/],
    ['several frames', withBehind(plain, null, segment(0xde, 8, 0, 24, 0, 40, 1, 1, 17, 0)), /is of several frames/],
    ['no pixels', Buffer.concat(segmentsOf(plain).filter((each) => each[1] !== 0xda)), /it has no pixels/],
    ['no end', plain.subarray(0, -2), /ends before its end marker/],
    ['a segment that ends behind the file', plain.subarray(0, 30), /ends before its end marker/],
    ['a marker of zero', withBehind(plain, 0xdb, Buffer.of(0xff, 0)), /the segment at byte \d+ is not valid/],
    ['a segment of one byte', withBehind(plain, null, Buffer.of(0xff, 0xfe, 0, 1)), /the segment at byte 2 is not valid/],
    ['half a marker', plain.subarray(0, 3), /ends before its end marker/],
    ['a marker without its length', plain.subarray(0, 5), /the segment at byte 2 is not valid/],
    ['several frames that are expanded', withBehind(plain, null, segment(0xdf, 0)), /is of several frames/],
    ['bytes between segments', withBehind(plain, null, Buffer.of(1)), /no segment begins at byte 2/],
    ['a restart interval of three bytes', withBehind(plain, null, segment(0xdd, 0, 0, 1)), /restart interval is not valid/],
    [
      'a scan of coefficients that there are not',
      scanChanged(progressive, (scan) => (scan[scan.length - 1] = 64)),
      /a scan is of coefficients/,
    ],
    ['a component that there is not', scanChanged(plain, (scan) => (scan[1] = 9)), /of a component that is not there/],
  ])('are refused with %s', (_, bytes, why) => refused(bytes, why));

  it('are bounded in the coefficients that are kept until the last scan', async () => {
    const start = (marker: number, width: number, ...scan: number[]) =>
      Buffer.concat([Buffer.of(0xff, 0xd8), segment(marker, 8, 16, 0, width >> 8, width & 255, 1, 1, 17, 0), segment(0xda, ...scan)]);
    const of = (bytes: Buffer) => () => readJpegFile(bytes, { ...DEFAULT_LIMITS, maxJpegPixels: 1e8, maxPixels: 1e8 });
    const dc = [1, 1, 0, 0, 0, 0];
    const BLOCK_BYTES = 128;
    // 4096 x 8 W pixels are 512 W blocks.
    const most = 8 * Math.floor(MAX_COEFFICIENT_BYTES / BLOCK_BYTES / 512);
    const error = (() => {
      try {
        of(start(0xc2, most + 1, ...dc))();
      } catch (thrown) {
        return thrown as ImageError;
      }
    })();
    expect(error).toBeInstanceOf(ImageError);
    expect([error?.fault, error?.message]).toEqual([
      'image-too-large',
      `The JPEG is ${most + 1} x 4096 and stored in several scans (progressive), ` +
        `which take ${512 * (most / 8 + 1) * BLOCK_BYTES} bytes of memory at once; at most ${MAX_COEFFICIENT_BYTES} are allowed. ` +
        'Save it as an ordinary (baseline) JPEG, or make it smaller.',
    ]);
    for (const fits of [start(0xc2, most, ...dc), start(0xc0, most + 1, 1, 1, 0, 0, 63, 0)])
      expect(of(fits)).toThrow(/ends before its end/);
  });

  it('are bounded in number and cost of the scans', async () => {
    // libvips writes ten scans: DC, then bands of coefficients and their refinements.
    expect(await read(progressive, { ...DEFAULT_LIMITS, maxScans: 10 })).toEqual(await read(progressive));
    await refused(progressive, /more than 9 scans, the most that is allowed/, { ...DEFAULT_LIMITS, maxScans: 9 }, 'image-too-large');
    // Of 40 x 24 are 15 blocks: 4096 + 15 * 512 coefficients, of which a scan of all AC takes 15 * 67, the one of DC 15 * 5.
    expect(maxCoefficients({ width: 40, height: 24 })).toBe(11_776);
    const worst = refinedJpeg({ width: 40, height: 24, components: 1, bytes: 1e6, scans: 64 });
    expect(segmentsOf(worst).filter((each) => each[1] === 0xda)).toHaveLength(1 + Math.floor((11_776 - 75) / (15 * 67)));
    await read(worst);
    const again = segmentsOf(worst)
      .filter((each) => each[1] === 0xda)
      .at(-1) as Buffer;
    const why = /13 scans go through its pixels more often than is allowed \(11776 coefficients\)/;
    await refused(withBehind(worst, 0xda, again), why, DEFAULT_LIMITS, 'image-too-large');
  });

  it('of the usual progressive script just fit, whatever the size and sampling', async () => {
    for (const [width, height] of [
      [1, 1],
      [8, 8],
      [17, 3],
      [640, 480],
    ] as const)
      for (const chromaSubsampling of ['4:4:4', '4:2:0']) {
        const image = colour.clone().resize(width, height, { fit: 'fill' });
        const bytes = await image.jpeg({ progressive: true, chromaSubsampling, quality: 98 }).toBuffer();
        expect(readJpegFile(bytes, DEFAULT_LIMITS)).toMatchObject({ width, height });
      }
  });
});

describe('what libjpeg has to guess', () => {
  const withTail = (jpeg: Buffer) => Buffer.concat([jpeg.subarray(0, -2), Buffer.of(1, 2, 3), jpeg.subarray(-2)]);

  it('is refused: bytes that are missing, a colour transform that nobody knows, scans of a wrong order', async () => {
    const guess = /pixels can't be decoded without guessing/;
    await refused(Buffer.concat([plain.subarray(0, -30), plain.subarray(-2)]), guess);
    await refused(withBehind(plain, null, segment(0xee, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 7)), guess);
    const scans = segmentsOf(progressive);
    const [dc, ...others] = scans.filter((each) => each[1] === 0xda);
    await refused(Buffer.concat([...scans.slice(0, scans.indexOf(dc as Buffer)), ...others, dc as Buffer, scans.at(-1) as Buffer]), guess);
  });

  it('is refused though a harmless warning came first', async () => {
    // That of an odd version of JFIF, on which no pixel depends.
    const odd = withBehind(plain, null, segment(0xe0, ...Buffer.from('JFIF'), 0, 2, 0, 0, 0, 1, 0, 1, 0, 0));
    await refused(Buffer.concat([odd.subarray(0, -30), odd.subarray(-2)]), /without guessing/);
  });

  it('is none where odd bytes stand between the pixels and the end', async () => {
    for (const each of [plain, progressive]) expect(await read(withTail(each))).toEqual(await read(each));
  });

  it('is refused where a restart marker is missing and odd bytes stand before the end', async () => {
    // Five units of 8 x 8 by three, a restart behind each two: seven markers.
    const whole = restartedJpeg(40, 24, 2);
    await read(whole);
    expect(await read(withTail(whole))).toEqual(await read(whole));
    const missing = restartedJpeg(40, 24, 2, 6);
    await refused(missing, /without guessing/);
    await refused(withTail(missing), /without guessing/);
  });
});

describe('the orientation of a JPEG', () => {
  const unclear = /It is not clear how the JPEG is turned/;

  it('is that of the first EXIF before the frame', async () => {
    expect(readJpegFile(withBehind(plain, null, exif(3)), DEFAULT_LIMITS).claims).toEqual([
      { orientation: 3, from: 'its EXIF', counts: true },
    ]);
    expect(await read(withBehind(plain, null, exif(3), xmp(3)))).toEqual(await decodeBySharp(withBehind(plain, null, exif(3))));
  });

  it.each<[string, Buffer]>([
    ['EXIF behind the frame', withBehind(plain, 0xc0, exif(3))],
    ['EXIF behind the first scan', withBehind(progressive, 0xda, exif(3))],
    ['a second EXIF', withBehind(plain, null, exif(3), exif(1))],
    ['an EXIF whose header is not right', withBehind(plain, null, exif(3, 1))],
    ['XMP', withBehind(plain, null, xmp(3))],
    ['XMP, which EXIF contradicts', withBehind(plain, null, exif(3), xmp(1))],
    ['an EXIF that goes on in a second segment, which Pillow joins', withBehind(plain, null, ...exifInTwo(3))],
    ['XMP behind a megabyte of it', withBehind(plain, null, ...new Array<Buffer>(17).fill(longXmp), xmp(3))],
  ])('is unclear where %s says otherwise', (_, bytes) => refused(bytes, unclear));

  it('is not that of a segment of another kind, or of another text', () => {
    const others = [segment(0xfe, ...exif(3).subarray(4)), segment(0xe1, ...Buffer.from('other <x tiff:Orientation="3"/>'))];
    expect(readJpegFile(withBehind(plain, null, ...others), DEFAULT_LIMITS).claims).toEqual([]);
  });

  it('is not that of EXIF behind the end', async () => {
    expect(await read(Buffer.concat([plain, exif(3)]))).toEqual(await read(plain));
  });
});

/** With the header of each scan changed. */
function scanChanged(jpeg: Buffer, change: (header: Buffer) => void): Buffer {
  return Buffer.concat(
    segmentsOf(jpeg).map((each) => {
      if (each[1] !== 0xda) return each;
      const copy = Buffer.from(each);
      const length = copy.readUInt16BE(2);
      // Up to the last coefficient; behind it are the bits.
      change(copy.subarray(4, 1 + length));
      return copy;
    }),
  );
}

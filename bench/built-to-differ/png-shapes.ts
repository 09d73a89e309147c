import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { type Built, type Pictures, plain } from './built.ts';
import { tiffOrientation, xmpOrientation } from './orientation.ts';

interface Chunk {
  type: string;
  data: Buffer;
  crc?: number;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);

/** PNGs with a second picture, or a second way to turn or colour the first. */
export function pngShapes({ a, b, jpegB, pngSix }: Pictures): Built[] {
  const [chunksA, chunksB, six] = [chunksOf(a), chunksOf(b), chunksOf(pngSix)];
  const pixels = (chunks: readonly Chunk[]) => Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data));
  const [idatA, idatB] = [pixels(chunksA), pixels(chunksB)];
  const header = chunksA[0] as Chunk;
  const [idat, end] = [chunk('IDAT', idatA), chunk('IEND')];
  const made = (...chunks: Chunk[]) => png(chunks);
  /** A, with chunks after the header, after the pixels, and after the end. */
  const around = (before: Chunk[], after: Chunk[] = [], behind: Chunk[] = []) => made(header, ...before, idat, ...after, end, ...behind);
  const sixAround = (before: Chunk[], after: Chunk[] = [], behind: Chunk[] = []) =>
    made(six[0] as Chunk, ...before, chunk('IDAT', pixels(six)), ...after, end, ...behind);
  const exif = (orientation: number, options = {}) => chunk('eXIf', tiffOrientation(orientation, options));
  const rawProfile = (orientation: number) => {
    const hex = Buffer.concat([Buffer.from('Exif\0\0'), tiffOrientation(orientation)]).toString('hex');
    return `\nexif\n${String(hex.length / 2).padStart(8)}\n${hex}\n`;
  };
  const actl = (frames: number) => chunk('acTL', Buffer.from([0, 0, 0, frames, 0, 0, 0, 0]));
  const fctl = (sequence: number, width = 28) => {
    const data = Buffer.alloc(26);
    data.writeUInt32BE(sequence, 0);
    data.writeUInt32BE(width, 4);
    data.writeUInt32BE(28, 8);
    data.writeUInt16BE(1, 20);
    data.writeUInt16BE(10, 22);
    return chunk('fcTL', data);
  };
  const fdat = (sequence: number, data: Buffer) => chunk('fdAT', Buffer.concat([Buffer.from([0, 0, 0, sequence]), data]));
  const headerWith = (at: number, value: number) => chunk('IHDR', Buffer.from(header.data.with(at, value)));
  const inflated = inflateSync(idatA);
  const text = (type: string, keyword: string, value: string) =>
    chunk(
      type,
      type === 'tEXt'
        ? Buffer.from(`${keyword}\0${value}`, 'latin1')
        : type === 'zTXt'
          ? Buffer.concat([Buffer.from(`${keyword}\0\0`), deflateSync(value)])
          : Buffer.from(`${keyword}\0\0\0\0\0${value}`),
    );
  const shapes: [string, Buffer][] = [
    ['a second PNG behind IEND', Buffer.concat([a, b])],
    ['a JPEG behind IEND', Buffer.concat([a, jpegB])],
    ['bytes behind IEND', Buffer.concat([a, Buffer.from('trailing')])],
    ['chunks of another image behind IEND', Buffer.concat([a, b.subarray(8)])],
    ['IEND twice', made(header, idat, end, end)],
    ['no IEND', made(header, idat)],
    ['no IEND, then another PNG', Buffer.concat([made(header, idat), b])],
    ['IEND with data', made(header, idat, chunk('IEND', Buffer.from('x')))],
    ['IEND before the pixels of another', made(header, idat, end, chunk('IDAT', idatB), end)],
    ['two IHDR', made(header, header, idat, end)],
    ['two IHDR of different widths', made(header, headerWith(3, 14), idat, end)],
    ['a second header and pixels', made(header, idat, header, chunk('IDAT', idatB), end)],
    ['IHDR not first', made(text('tEXt', 'a', 'b'), header, idat, end)],
    ['pixels of another image behind the first', made(header, idat, chunk('IDAT', idatB), end)],
    ['pixels of another image in front', made(header, chunk('IDAT', idatB), idat, end)],
    ['two zlib streams in an IDAT', made(header, chunk('IDAT', Buffer.concat([idatA, idatB])), end)],
    ['bytes behind the zlib stream', made(header, chunk('IDAT', Buffer.concat([idatA, Buffer.from('rubbish')])), end)],
    ['rows more than the height', made(header, chunk('IDAT', deflateSync(Buffer.concat([inflated, inflateSync(idatB)]))), end)],
    ['rows fewer than the height', made(header, chunk('IDAT', deflateSync(inflated.subarray(0, 14 * 29))), end)],
    [
      'a text between two IDAT',
      made(header, chunk('IDAT', idatA.subarray(0, 60)), text('tEXt', 'a', 'b'), chunk('IDAT', idatA.subarray(60)), end),
    ],
    ['empty IDATs around', made(header, chunk('IDAT'), idat, chunk('IDAT'), end)],
    ['a zlib stream without its checksum', made(header, chunk('IDAT', idatA.subarray(0, -4)), end)],
    [
      'a wrong zlib checksum',
      made(header, chunk('IDAT', Buffer.concat([idatA.subarray(0, -1), Buffer.from([(idatA.at(-1) as number) ^ 1])])), end),
    ],
    ['an IDAT with a wrong CRC', made(header, { ...idat, crc: 1 }, end)],
    ['an IDAT with a wrong CRC, then another', made(header, { ...chunk('IDAT', idatB), crc: 1 }, idat, end)],
    ['APNG: another first frame, the default image not in it', around([actl(1)], [fctl(0), fdat(1, idatB)])],
    ['APNG: the default image first, another second', around([actl(2), fctl(0)], [fctl(1), fdat(2, idatB)])],
    ['APNG: acTL behind the pixels', around([], [actl(1), fctl(0), fdat(1, idatB)])],
    ['APNG: no frames', around([actl(0)], [fctl(0), fdat(1, idatB)])],
    ['APNG: frames out of turn', around([actl(2), fctl(0)], [fctl(5), fdat(2, idatB)])],
    ['APNG: a smaller frame', around([actl(1)], [fctl(0, 14), fdat(1, idatB)])],
    ['APNG: fdAT alone', around([], [fdat(0, idatB)])],
    ['APNG: acTL twice', around([actl(1), actl(2)], [fctl(0), fdat(1, idatB)])],
    ['eXIf 3 before IDAT', sixAround([exif(3)])],
    ['eXIf 3 behind IDAT', sixAround([], [exif(3)])],
    ['eXIf 3 behind IEND', sixAround([], [], [exif(3)])],
    ['eXIf twice, 1 then 3', sixAround([exif(1), exif(3)])],
    ['eXIf twice, 3 then 1', sixAround([exif(3), exif(1)])],
    ['eXIf before and behind IDAT', sixAround([exif(1)], [exif(3)])],
    ['eXIf as LONG', sixAround([exif(3, { type: 4 })])],
    ['eXIf of two values', sixAround([exif(3, { count: 2 })])],
    ['eXIf with a wrong CRC', sixAround([{ ...exif(3), crc: 7 }])],
    ['eXIf with the prefix of a JPEG', sixAround([chunk('eXIf', Buffer.concat([Buffer.from('Exif\0\0'), tiffOrientation(3)]))])],
    ['raw profile exif in tEXt', sixAround([text('tEXt', 'Raw profile type exif', rawProfile(3))])],
    ['raw profile exif in zTXt', sixAround([text('zTXt', 'Raw profile type exif', rawProfile(3))])],
    ['raw profile APP1 in zTXt', sixAround([text('zTXt', 'Raw profile type APP1', rawProfile(3))])],
    ['raw profile exif against eXIf', sixAround([exif(1), text('tEXt', 'Raw profile type exif', rawProfile(3))])],
    ['XMP orientation in iTXt', sixAround([text('iTXt', 'XML:com.adobe.xmp', xmpOrientation(3))])],
    ['XMP orientation against eXIf', sixAround([exif(1), text('iTXt', 'XML:com.adobe.xmp', xmpOrientation(3))])],
    ['XMP orientation behind IDAT', sixAround([], [text('iTXt', 'XML:com.adobe.xmp', xmpOrientation(3))])],
    ['tRNS makes the background clear', around([chunk('tRNS', Buffer.from([0, 0]))])],
    ['tRNS makes the ink clear', around([chunk('tRNS', Buffer.from([0, 255]))])],
    ['tRNS twice', around([chunk('tRNS', Buffer.from([0, 0])), chunk('tRNS', Buffer.from([0, 255]))])],
    ['tRNS behind IDAT', around([], [chunk('tRNS', Buffer.from([0, 0]))])],
    ['tRNS with a wrong CRC', around([{ ...chunk('tRNS', Buffer.from([0, 0])), crc: 9 }])],
    ['PLTE in grey', around([chunk('PLTE', Buffer.alloc(6))])],
    ['gAMA of 0.01', around([chunk('gAMA', Buffer.from([0, 0, 3, 232]))])],
    ['gAMA of 0', around([chunk('gAMA', Buffer.alloc(4))])],
    ['gAMA twice', around([chunk('gAMA', Buffer.from([0, 0, 177, 143])), chunk('gAMA', Buffer.from([0, 0, 3, 232]))])],
    ['sBIT of 1', around([chunk('sBIT', Buffer.from([1]))])],
    ['bKGD white under tRNS', around([chunk('bKGD', Buffer.from([0, 255])), chunk('tRNS', Buffer.from([0, 0]))])],
    ['iCCP twice', around([1, 2].map(() => chunk('iCCP', Buffer.concat([Buffer.from('a\0\0'), deflateSync(Buffer.alloc(128))]))))],
    ['a critical chunk that nobody knows', around([chunk('ABCD')])],
    ['a chunk with the reserved bit', around([chunk('aBcD', Buffer.from('x'))])],
    ["Apple's CgBI", made(chunk('CgBI', Buffer.from([80, 0, 32, 2])), header, idat, end)],
    ['filter method 64 (MNG)', made(headerWith(11, 64), idat, end)],
    ['compression method 1', made(headerWith(10, 1), idat, end)],
    ['interlace said, not done', made(headerWith(12, 1), idat, end)],
    ['bit depth 16 said', made(headerWith(8, 16), idat, end)],
    ['a signature with LF alone', Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 10, 26, 10]), a.subarray(8)])],
    ['bytes before the signature', Buffer.concat([Buffer.from('\n'), a])],
    [
      'a chunk longer than the file',
      Buffer.concat([a.subarray(0, 33), Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.from('tEXt'), a.subarray(33)]),
    ],
  ];
  return [
    ...shapes.map(([name, bytes]) => plain('png', name, 'image/png', bytes)),
    plain('png', 'a PNG called JPEG', 'image/jpeg', a),
    plain('png', 'two types', 'image/png, image/jpeg', a),
    {
      ...plain('png', 'Content-Type twice', 'image/png', a),
      headers: [
        ['Content-Type', 'image/png'],
        ['Content-Type', 'application/octet-stream'],
      ],
    },
    {
      ...plain('png', 'gzip said, not done', 'image/png', a),
      headers: [
        ['Content-Type', 'image/png'],
        ['Content-Encoding', 'gzip'],
      ],
    },
    plain('png', 'a PNG called TIFF', 'image/tiff', a),
    plain('png', 'a PNG as octets', 'application/octet-stream', Buffer.concat([a, b])),
  ];
}

const chunk = (type: string, data: Uint8Array = Buffer.alloc(0)): Chunk => ({ type, data: Buffer.from(data) });

function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function png(chunks: readonly Chunk[]): Buffer {
  const parts = chunks.flatMap(({ type, data, crc }) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(crc ?? crc32(body));
    return [length, body, checksum];
  });
  return Buffer.concat([SIGNATURE, ...parts]);
}

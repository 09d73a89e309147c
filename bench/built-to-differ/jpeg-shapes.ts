import { type Built, type Pictures, plain } from './built.ts';
import { type TiffOptions, tiffOrientation, xmpOrientation } from './orientation.ts';

const START = Buffer.from([0xff, 0xd8]);
const END = Buffer.from([0xff, 0xd9]);

/** JPEGs with a second picture, or a second way to turn the first. */
export function jpegShapes({ a, b, jpegA, jpegB, jpegSix }: Pictures): Built[] {
  const [six, one, other] = [partsOf(jpegSix), partsOf(jpegA), partsOf(jpegB)];
  const exif = (orientation: number, options: TiffOptions = {}) =>
    segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), tiffOrientation(orientation, options)]));
  const xmp = (orientation: number) => segment(0xe1, Buffer.from(`http://ns.adobe.com/xap/1.0/\0${xmpOrientation(orientation)}`));
  /** The six, with segments in front of its tables, right before the scan, and behind the end. */
  const around = (front: Buffer[], beforeScan: Buffer[] = [], behind: Buffer[] = []) =>
    Buffer.concat([START, ...front, ...six.segments, ...beforeScan, six.scan, ...behind]);
  const oneAround = (front: Buffer[], behind: Buffer[] = []) => Buffer.concat([START, ...front, ...one.segments, one.scan, ...behind]);
  const withoutEnd = (jpeg: Buffer) => jpeg.subarray(0, -2);
  const shapes: [string, Buffer][] = [
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation): [string, Buffer] => [`orientation ${orientation}`, around([exif(orientation)])]),
    ['orientation 0', around([exif(0)])],
    ['orientation 9', around([exif(9)])],
    ['orientation 3, little-endian', around([exif(3, { order: 'II' })])],
    ['EXIF twice, 1 then 3', around([exif(1), exif(3)])],
    ['EXIF twice, 3 then 1', around([exif(3), exif(1)])],
    ['EXIF twice, alike', around([exif(3), exif(3)])],
    ['EXIF before the scan', around([], [exif(3)])],
    ['EXIF in front and before the scan', around([exif(1)], [exif(3)])],
    ['EXIF behind the end', around([], [], [exif(3)])],
    ['EXIF within the scan', Buffer.concat([START, ...six.segments, six.scan.subarray(0, -2), exif(3), END])],
    ['the tag twice in a directory', around([exif(1, { again: 3 })])],
    ['the tag twice, the other way round', around([exif(3, { again: 1 })])],
    ['the tag in the second directory', around([exif(3, { inThumbnail: true })])],
    ['byte order IM', around([exif(3, { order: 'IM' })])],
    ['43 in place of 42', around([exif(3, { magic: 43 })])],
    ['LONG in place of SHORT', around([exif(3, { type: 4 })])],
    ['LONG, little-endian', around([exif(3, { type: 4, order: 'II' })])],
    ['BYTE in place of SHORT', around([exif(3, { type: 1 })])],
    ['two values', around([exif(3, { count: 2 })])],
    ['no value', around([exif(3, { count: 0 })])],
    ['EXIF cut off', around([segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), tiffOrientation(3).subarray(0, 20)]))])],
    ['EXIF with \\0\\xff for \\0\\0', around([segment(0xe1, Buffer.concat([Buffer.from('Exif\0\xff', 'latin1'), tiffOrientation(3)]))])],
    ['EXIF in APP2', around([segment(0xe2, Buffer.concat([Buffer.from('Exif\0\0'), tiffOrientation(3)]))])],
    ['lower-case exif', around([segment(0xe1, Buffer.concat([Buffer.from('exif\0\0'), tiffOrientation(3)]))])],
    ['XMP alone', around([xmp(3)])],
    ['XMP against EXIF', around([exif(1), xmp(3)])],
    ['XMP like EXIF', around([exif(3), xmp(3)])],
    ['XMP before EXIF, against it', around([xmp(1), exif(3)])],
    ['a second JPEG behind the end', Buffer.concat([jpegA, jpegB])],
    ['a PNG behind the end', Buffer.concat([jpegA, b])],
    ['bytes behind the end', Buffer.concat([jpegA, Buffer.from('trailing')])],
    ['two ends', Buffer.concat([jpegA, END])],
    ['no end', withoutEnd(jpegA)],
    ['no end, then a second JPEG', Buffer.concat([withoutEnd(jpegA), jpegB])],
    ['cut off, then a second JPEG', Buffer.concat([jpegA.subarray(0, jpegA.length >> 1), jpegB])],
    ['a start, then a whole JPEG', Buffer.concat([START, jpegA])],
    ['the end before the frame', Buffer.concat([START, END, jpegA.subarray(2)])],
    ['two frames, two scans', Buffer.concat([START, ...one.segments, one.scan.subarray(0, -2), ...other.segments, other.scan])],
    ['two frames, one scan', Buffer.concat([START, ...other.segments, ...one.segments, one.scan])],
    ['the scan twice', Buffer.concat([START, ...one.segments, one.scan.subarray(0, -2), one.scan])],
    ["another image's scan behind", Buffer.concat([START, ...one.segments, one.scan.subarray(0, -2), other.scan])],
    [
      'tables of another image',
      Buffer.concat([START, ...other.segments.filter(isTable), ...one.segments.filter((each) => !isTable(each)), one.scan]),
    ],
    ['a thumbnail in EXIF', oneAround([exif(1, { thumbnail: jpegB })])],
    ['a JFXX thumbnail', oneAround([segment(0xe0, Buffer.concat([Buffer.from('JFXX\0\x10', 'latin1'), jpegB]))])],
    ['multi-picture format', oneAround([segment(0xe2, multiPicture(jpegB.length))], [jpegB])],
    [
      'a Photoshop thumbnail',
      oneAround([segment(0xed, Buffer.concat([Buffer.from('Photoshop 3.0\x008BIM\x04\x0c\0\0\0\0', 'latin1'), jpegB]))]),
    ],
    ['fill bytes before a marker', Buffer.concat([START, Buffer.from([0xff, 0xff, 0xff]), jpegA.subarray(2)])],
    ['rubbish before a marker', Buffer.concat([START, Buffer.from([0, 1, 2]), jpegA.subarray(2)])],
    ['a JPEG in a comment', oneAround([segment(0xfe, jpegB)])],
    ['Adobe says CMYK', oneAround([segment(0xee, Buffer.from([0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 2]))])],
    [
      'a height of 0, then DNL',
      Buffer.concat([START, ...one.segments.map(withoutHeight), one.scan.subarray(0, -2), Buffer.from([0xff, 0xdc, 0, 4, 0, 28]), END]),
    ],
    ['half the height', Buffer.concat([START, ...one.segments.map((each) => withHeight(each, 14)), one.scan])],
    ['twice the height', Buffer.concat([START, ...one.segments.map((each) => withHeight(each, 56)), one.scan])],
    ['a hierarchical start', oneAround([Buffer.from([0xff, 0xde, 0, 11, 8, 0, 28, 0, 28, 1, 1, 0x11, 0])])],
    ['a restart marker in front', oneAround([Buffer.from([0xff, 0xd0])])],
    ['a restart interval', oneAround([segment(0xdd, Buffer.from([0, 1]))])],
  ];
  return [
    ...shapes.map(([name, bytes]) => plain('jpeg', name, 'image/jpeg', bytes)),
    plain('jpeg', 'a JPEG called PNG', 'image/png', Buffer.concat([jpegA, a])),
    plain('jpeg', 'a JPEG of two types', 'image/jpeg; type=image/png', jpegA),
  ];
}

const segment = (marker: number, data: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255]), data]);

/** Returns the bytes between the start and the scan, and the scan to the end. */
function partsOf(jpeg: Buffer): { segments: Buffer[]; scan: Buffer } {
  const segments: Buffer[] = [];
  let at = 2;
  while (jpeg[at + 1] !== 0xda) {
    const end = at + 2 + jpeg.readUInt16BE(at + 2);
    segments.push(jpeg.subarray(at, end));
    at = end;
  }
  return { segments, scan: jpeg.subarray(at) };
}

const isTable = (each: Buffer) => each[1] === 0xdb || each[1] === 0xc4;
const isFrame = (each: Buffer) => each[1] === 0xc0 || each[1] === 0xc2;
const withoutHeight = (each: Buffer) => withHeight(each, 0);

function withHeight(each: Buffer, height: number): Buffer {
  if (!isFrame(each)) return each;
  const copy = Buffer.from(each);
  copy.writeUInt16BE(height, 5);
  return copy;
}

/** An index of CIPA DC-007 of two pictures, the second behind the end of the first. */
function multiPicture(length: number): Buffer {
  const entry = Buffer.alloc(32);
  entry.writeUInt32BE(length, 20);
  return Buffer.concat([
    Buffer.from('MPF\0MM\0*\0\0\0\x08', 'latin1'),
    Buffer.from([0, 2, 0xb0, 1, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0xb0, 2, 0, 7, 0, 0, 0, 32, 0, 0, 0, 38, 0, 0, 0, 0]),
    entry,
  ]);
}

import type { ImageLimits } from '../../shared/images/limits.ts';
import { fullJpeg, refinedJpeg, restartedJpeg } from './hostile-jpeg.ts';

/** JPEGs within the limits, each the worst of its kind. */
export function hostileJpegs(limits: ImageLimits): { name: string; bytes: Buffer }[] {
  const { maxPixels, maxBytes, maxSide, maxScans } = limits;
  const width = 8 * Math.floor(Math.sqrt(maxPixels / 2) / 8);
  const height = 8 * Math.floor(maxPixels / width / 8);
  const most = { bytes: maxBytes - 1024, scans: maxScans };
  const short = Math.floor(maxPixels / maxSide);
  const refined = (components: 1 | 3, w = width, h = height) => refinedJpeg({ width: w, height: h, components, ...most });
  const all = (sampling: number[], w = width, h = height) => fullJpeg(w, h, sampling);
  const room = Math.floor(0.9 * maxBytes);
  const inHead = (bytes: Buffer, ...more: Buffer[]) => Buffer.concat([bytes.subarray(0, 2), ...more, bytes.subarray(2)]);
  const small = all([0x11], 32, 32);
  return [
    { name: 'JPEG, baseline, 4:4:4', bytes: all([0x11, 0x11, 0x11]) },
    { name: 'JPEG, baseline, 4:2:0', bytes: all([0x22, 0x11, 0x11]) },
    { name: 'JPEG, baseline, luma 4 x 2', bytes: all([0x42, 0x11, 0x11]) },
    { name: 'JPEG, baseline, luma 1 x 4', bytes: all([0x14, 0x11, 0x11]) },
    { name: 'JPEG, baseline, chroma larger', bytes: all([0x11, 0x22, 0x22]) },
    { name: 'JPEG, baseline, grey', bytes: all([0x11]) },
    { name: 'JPEG, progressive, grey', bytes: refined(1) },
    { name: 'JPEG, progressive, 4:4:4', bytes: refined(3) },
    { name: 'JPEG, progressive, tall', bytes: refined(3, short, maxSide) },
    { name: 'JPEG, progressive, wide', bytes: refined(3, maxSide, short) },
    { name: 'JPEG, progressive, small with all scans', bytes: refined(1, 512, 512) },
    { name: 'JPEG, progressive, bytes before its end', bytes: withTail(refined(3), 16) },
    { name: 'JPEG, baseline, megabytes before its end', bytes: withTail(all([0x11, 0x11, 0x11]), room - all([0x11, 0x11, 0x11]).length) },
    { name: 'JPEG, large, baseline, 4:4:4 at 4/8', bytes: all([0x11, 0x11, 0x11], 3072, 2048) },
    { name: 'JPEG, large, progressive, 4:4:4', bytes: refined(3, 2080, 2088) },
    { name: 'JPEG, large, progressive, grey', bytes: refined(1, 3616, 3616) },
    { name: 'JPEG, empty segments', bytes: inHead(small, Buffer.alloc(room, Buffer.from([0xff, 0xe2, 0, 2]))) },
    { name: 'JPEG, Huffman tables', bytes: inHead(small, repeated(huffmanTables(), room)) },
    { name: 'JPEG, a restart behind each unit', bytes: restartedJpeg(width, height) },
    { name: 'JPEG, fill bytes', bytes: inHead(small, Buffer.alloc(room, 0xff)) },
    { name: 'JPEG, restart markers between segments', bytes: inHead(small, Buffer.alloc(room, Buffer.from([0xff, 0xd0]))) },
    { name: 'JPEG, EXIF segments', bytes: inHead(small, repeated(exifSegment(), room)) },
    { name: 'JPEG, XMP segments', bytes: inHead(small, repeated(xmpSegment(), room)) },
  ];
}

function withTail(bytes: Buffer, count: number): Buffer {
  return Buffer.concat([bytes.subarray(0, -2), Buffer.alloc(Math.max(0, count), 0x5a), bytes.subarray(-2)]);
}

const repeated = (bytes: Buffer, room: number) => Buffer.alloc(bytes.length * Math.floor(room / bytes.length), bytes);
const app1 = (data: Buffer) => Buffer.concat([Buffer.from([0xff, 0xe1, (data.length + 2) >> 8, (data.length + 2) & 255]), data]);

/** As many tables as a segment holds, each of one code. */
function huffmanTables(): Buffer {
  const table = Buffer.from([0, 1, ...new Array(15).fill(0), 0]);
  const data = Buffer.alloc(3600 * table.length, table);
  return Buffer.concat([Buffer.from([0xff, 0xc4, (data.length + 2) >> 8, (data.length + 2) & 255]), data]);
}

function exifSegment(): Buffer {
  const count = 5000;
  const block = Buffer.alloc(14 + 12 * count);
  block.write('MM\0*\0\0\0\x08', 'latin1');
  block.writeUInt16BE(count, 8);
  for (let i = 0; i < count; i++) block.set([1, 0x12, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1], 10 + 12 * i);
  return app1(Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block]));
}

function xmpSegment(): Buffer {
  return app1(Buffer.concat([Buffer.from('http://ns.adobe.com/xap/1.0/\0'), Buffer.alloc(65_000, ':Orientation="1"')]));
}

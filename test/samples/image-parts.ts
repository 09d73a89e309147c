import { deflateSync } from 'node:zlib';
import { pngChunk } from '../../bench/worst/hostile-png.ts';

export { pngChunk };

export interface PngHeader {
  width?: number;
  height?: number;
  bitDepth?: number;
  colourType?: number;
  interlace?: number;
  compression?: number;
  filter?: number;
}

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

export function ihdr({
  width = 2,
  height = 2,
  bitDepth = 8,
  colourType = 0,
  compression = 0,
  filter = 0,
  interlace = 0,
}: PngHeader = {}): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([bitDepth, colourType, compression, filter, interlace], 8);
  return pngChunk('IHDR', data);
}

export const idat = (raw: Uint8Array): Buffer => pngChunk('IDAT', deflateSync(raw));
export const iend = pngChunk('IEND', new Uint8Array(0));
/** Two grey rows of two: 10 20, 30 40. */
export const rows = Uint8Array.of(0, 10, 20, 0, 30, 40);
export const png = (...chunks: Uint8Array[]): Buffer => Buffer.concat([SIGNATURE, ...chunks]);
/** With its last byte, of the checksum, changed. */
export const damagedChunk = (chunk: Buffer): Buffer => Buffer.from(chunk.map((byte, i) => (i === chunk.length - 1 ? byte ^ 1 : byte)));

/** An EXIF block of one entry, the orientation. */
export const exifBlock = (orientation: number): Buffer =>
  Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);

/** As ImageMagick writes a profile into text. */
export const rawProfile = (block: Uint8Array): Buffer =>
  Buffer.from(`\nexif\n${String(block.length).padStart(8)}\n${Buffer.from(block).toString('hex').replace(/.{72}/g, '$&\n')}\n`);

/** A segment of a JPEG with its length. */
export function segment(marker: number, ...data: number[]): Buffer {
  const length = data.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 255, ...data]);
}

/** A JPEG's segments: the start, each with its marker, and each scan with what follows its header. */
export function segmentsOf(jpeg: Buffer): Buffer[] {
  const segments = [jpeg.subarray(0, 2)];
  for (let at = 2; at < jpeg.length; ) {
    const marker = jpeg[at + 1] as number;
    let end = marker === 0xd9 ? at + 2 : at + 2 + jpeg.readUInt16BE(at + 2);
    if (marker === 0xda)
      while (!(jpeg[end] === 0xff && jpeg[end + 1] !== 0 && !((jpeg[end + 1] as number) >= 0xd0 && (jpeg[end + 1] as number) <= 0xd7)))
        end++;
    segments.push(jpeg.subarray(at, end));
    at = end;
  }
  return segments;
}

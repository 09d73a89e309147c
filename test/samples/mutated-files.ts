import { deflateSync } from 'node:zlib';
import { mutateBytes, oneOf } from '../../bench/reliability/mutate-bytes.ts';
import { mutateImage } from '../../bench/reliability/mutate-image.ts';
import { randomFrom } from '../../shared/random.ts';
import { exifBlock, idat, iend, ihdr, png, pngChunk, rawProfile, rows } from './image-parts.ts';
import { madeImages } from './made-images.ts';

export interface MutatedFile {
  name: string;
  type: string;
  bytes: Buffer;
}

const COUNT = 600;

/** Files of every kind with one to three changes, the same each time, and some in which two runtimes could differ. */
export async function mutatedFiles(): Promise<MutatedFile[]> {
  const files = await madeImages();
  const random = randomFrom(14, 'mutated files');
  const mutated = Array.from({ length: COUNT }, (_, i): MutatedFile => {
    const { name, type, bytes } = oneOf(random, files);
    let changed = bytes;
    for (let changes = random.integer(1, 3); changes > 0; changes--) {
      const mutate = random.uniform() < 0.3 ? mutateBytes : null;
      changed = mutate ? mutate(changed, bytes, random) : mutateImage(type, changed, random);
    }
    return { name: `${i}, ${name}`, type, bytes: changed };
  });
  return [...mutated.filter(({ bytes }) => bytes.length > 0), ...oddPngs()];
}

/** In how their compressed data is wrong. */
function oddPngs(): MutatedFile[] {
  const data = deflateSync(rows);
  const withData = (compressed: Uint8Array) => png(ihdr(), pngChunk('IDAT', compressed), iend);
  const withText = (compressed: Uint8Array) =>
    png(ihdr(), pngChunk('zTXt', Buffer.concat([Buffer.from('Raw profile type exif\0\0'), compressed])), idat(rows), iend);
  const made: [string, Buffer][] = [
    ['bytes behind the stream', withData(Buffer.concat([data, Buffer.of(0)]))],
    ['another stream behind it', withData(Buffer.concat([data, data]))],
    ['no checksum', withData(data.subarray(0, -4))],
    ['half a checksum', withData(data.subarray(0, -2))],
    ['a wrong checksum', withData(Buffer.from(data.map((byte, i) => (i === data.length - 1 ? byte ^ 1 : byte))))],
    ['a preset dictionary', withData(Buffer.of(0x78, 0xbb, 0, 0, 0, 1, 3, 0))],
    ['a window that is too large', withData(Buffer.of(0x88, 0x1c, ...data.subarray(2)))],
    ['gzip', withData(Buffer.from('1f8b0800000000000003', 'hex'))],
    ['raw deflate', withData(data.subarray(2, -4))],
    ['no bytes', withData(Buffer.alloc(0))],
    ['one byte', withData(Buffer.of(0x78))],
    ['a row more', withData(deflateSync(Buffer.concat([rows, Buffer.alloc(3)])))],
    ['a megabyte more', withData(deflateSync(Buffer.concat([rows, Buffer.alloc(1 << 20)])))],
    ['a row fewer', withData(deflateSync(rows.subarray(0, 3)))],
    ['a profile with bytes behind it', withText(Buffer.concat([deflateSync(rawProfile(Buffer.alloc(9))), Buffer.of(1)]))],
    ['a profile that is cut', withText(deflateSync(rawProfile(Buffer.alloc(9))).subarray(0, 9))],
    ['a profile that is cut behind what it says', withText(deflateSync(rawProfile(exifBlock(3))).subarray(0, -4))],
    ['a profile that is damaged', withText(deflateSync(rawProfile(exifBlock(3))).fill(0xff, 2, 9))],
    ['a profile of megabytes', withText(deflateSync(Buffer.alloc(3 << 20)))],
  ];
  return made.map(([name, bytes]) => ({ name, type: 'image/png', bytes }));
}

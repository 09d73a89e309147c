import { formBody } from '../peers/form-body.ts';
import { type Built, INFER, plain } from './built.ts';

/** Values of a model input of 28 x 28 x 1. */
const BYTES = 4 * 28 * 28;
/** A level that keeps four of them together a number below 1, when they are read as a float32. */
const INK = 0x3c;

/** Float tensors whose bytes some library takes for an image: the starts of files, and whole TIFFs and bitmaps. */
export function tensorShapes(): Built[] {
  const files: [string, Buffer][] = [
    ['a TIFF', tiff(true)],
    ['a big-endian TIFF', tiff(false)],
    ['a PGM', Buffer.concat([Buffer.from('P5\n28 28 255\n\0\0\0'), Buffer.alloc(784, INK)])],
    ['a BMP', bitmap()],
    ['an icon', Buffer.from([0, 0, 1, 0, 1, 0, 28, 28, 0, 0, 1, 0, 8, 0, 0, 4, 0, 0, 22, 0, 0, 0])],
    ['a Truevision image', Buffer.concat([Buffer.from([0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 28, 0, 8, 0]), Buffer.alloc(784, INK)])],
    ['the start of a BigTIFF', Buffer.from([0x49, 0x49, 0x2b, 0, 8, 0, 0, 0])],
    ['the start of a GIF', Buffer.from('GIF89a')],
    ['the start of JPEG 2000', Buffer.from([0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20])],
    ['the start of a DDS', Buffer.from('DDS |\0\0\0')],
    ['the start of a PCX', Buffer.from([10, 5, 1, 8, 0, 0, 0, 0])],
    ['the start of a WebP', Buffer.from('RIFF\0\0\0\0WEBPVP8L')],
    ['the start of a PNG', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])],
    ['the start of a JPEG', Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    ['the start of an AVIF', Buffer.from('\0\0\0\x1cftypavif')],
    ['the start of gzip', Buffer.from([0x1f, 0x8b, 8, 0])],
    ['the start of a NumPy file', Buffer.from('\x93NUMPY', 'latin1')],
    ['nothing but zeros', Buffer.alloc(0)],
  ];
  return files.flatMap(([name, start]) => {
    const bytes = Buffer.concat([start, Buffer.alloc(Math.max(0, BYTES - start.length))]).subarray(0, BYTES);
    const values = new Float32Array(Uint8Array.from(bytes).buffer);
    const form = formBody([{ field: 'image', filename: 'a.bin', type: 'application/octet-stream', bytes }]);
    const input = { name: 'image', datatype: 'FP32', shape: [1, 28, 28, 1], parameters: { binary_data_size: BYTES } };
    const head = Buffer.from(JSON.stringify({ inputs: [input] }));
    const infer: Built = {
      ...plain('tensor', `${name}, FP32 in binary`, 'application/octet-stream', Buffer.concat([head, bytes])),
      protocol: 'v2',
      path: INFER,
      headers: [
        ['Content-Type', 'application/octet-stream'],
        ['Inference-Header-Content-Length', String(head.length)],
      ],
    };
    return [
      plain('tensor', `${name}, as octets`, 'application/octet-stream', bytes),
      plain('tensor', `${name}, in a form`, form.contentType, form.bytes),
      infer,
    ].map((built) => ({ ...built, values }));
  });
}

/** An uncompressed grey TIFF of 28 x 28 (TIFF 6.0, section 3). */
function tiff(little: boolean): Buffer {
  const file = Buffer.alloc(BYTES);
  const short = (value: number, at: number) => (little ? file.writeUInt16LE(value, at) : file.writeUInt16BE(value, at));
  const long = (value: number, at: number) => (little ? file.writeUInt32LE(value, at) : file.writeUInt32BE(value, at));
  file.write(little ? 'II' : 'MM', 0);
  short(42, 2);
  long(8, 4);
  const tags: [number, number, number][] = [
    [256, 4, 28],
    [257, 4, 28],
    [258, 3, 8],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 512],
    [277, 3, 1],
    [278, 4, 28],
    [279, 4, 784],
  ];
  short(tags.length, 8);
  for (const [i, [tag, type, value]] of tags.entries()) {
    const at = 10 + 12 * i;
    short(tag, at);
    short(type, at + 2);
    long(1, at + 4);
    if (type === 3) short(value, at + 8);
    else long(value, at + 8);
  }
  file.fill(INK, 512, 512 + 784);
  return file;
}

/** An uncompressed bitmap of 28 x 28 with a palette. */
function bitmap(): Buffer {
  const file = Buffer.alloc(BYTES);
  file.write('BM', 0);
  file.writeUInt32LE(1862, 2);
  file.writeUInt32LE(1078, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(28, 18);
  file.writeInt32LE(28, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(8, 28);
  for (let i = 0; i < 64; i++) file.writeUInt32LE(i | (i << 8) | (i << 16), 54 + 4 * i);
  file.fill(INK, 1078, 1078 + 784);
  return file;
}

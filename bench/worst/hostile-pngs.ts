import { constants, deflateRawSync, deflateSync } from 'node:zlib';
import type { ImageLimits } from '../../shared/images/limits.ts';
import { type HostilePng, hostilePng, noiseBytes, pngChunk } from './hostile-png.ts';

/** Height and width of about so many pixels, one twice the other. */
const shapeOf = (pixels: number) => {
  const width = Math.floor(Math.sqrt(pixels / 2));
  return { width, height: Math.floor(pixels / width) };
};
const BYTES_A_PIXEL: Record<string, number> = {
  '0/8': 1,
  '0/16': 2,
  '2/8': 3,
  '2/16': 6,
  '3/8': 1,
  '4/8': 2,
  '4/16': 4,
  '6/8': 4,
  '6/16': 8,
};
const NAMES: Record<number, string> = { 0: 'grey', 2: 'RGB', 3: 'palette', 4: 'grey with alpha', 6: 'RGBA' };

/** PNGs within the limits, each the worst of its kind. */
export function hostilePngs(limits: ImageLimits): { name: string; bytes: Buffer }[] {
  const { maxPixels, maxBytes, maxSide, maxAspect } = limits;
  const made = (name: string, colourType: number, bitDepth: number, noise: boolean, others: Partial<HostilePng> = {}) => {
    const each = BYTES_A_PIXEL[`${colourType}/${bitDepth}`] as number;
    const shape = shapeOf(Math.floor(maxPixels / Math.max(1, each / 4)));
    const raw = shape.width * shape.height * each;
    const share = noise ? Math.min(1, (0.97 * maxBytes - 2000) / raw) : 0;
    return {
      name: `PNG, ${NAMES[colourType]} of ${bitDepth} bits, ${name}`,
      bytes: hostilePng({ ...shape, colourType, bitDepth, noise: share, ...others }),
    };
  };
  const [long, short] = [maxSide, Math.max(Math.ceil(maxSide / maxAspect), Math.floor(maxPixels / maxSide))];
  const sliver = { width: short, height: Math.min(long, Math.floor(maxPixels / short)) };
  const room = Math.floor(0.9 * maxBytes);
  const small = { width: 28, height: 28, colourType: 0, bitDepth: 8, noise: 1 };
  const withChunks = (name: string, before: Buffer[]) => ({ name: `PNG, ${name}`, bytes: hostilePng({ ...small, before }) });
  return [
    made('noise', 6, 8, true),
    made('noise', 6, 16, true),
    made('noise', 2, 8, true),
    made('noise', 2, 16, true),
    made('noise', 3, 8, true),
    made('noise', 0, 8, true),
    made('noise', 4, 16, true),
    made('a bomb', 6, 8, false),
    made('a bomb', 6, 16, false),
    made('interlaced noise', 6, 8, true, { interlaced: true }),
    made('interlaced noise', 6, 16, true, { interlaced: true }),
    made('an interlaced bomb', 6, 8, false, { interlaced: true }),
    made('tall', 6, 8, true, sliver),
    made('wide', 6, 8, true, { width: sliver.height, height: sliver.width }),
    made('IDAT of a few bytes', 2, 8, false, { ...shapeOf(200_000), noise: Math.min(1, room / 4 / 600_000), piece: 3 }),
    withChunks('ancillary chunks', repeated(pngChunk('aaAa', new Uint8Array(0)), room)),
    withChunks('one large ancillary chunk', [pngChunk('tEXt', noiseBytes(room))]),
    withChunks('EXIF chunks', repeated(pngChunk('eXIf', entries(5000)), room)),
    withChunks('XMP', [pngChunk('iTXt', xmp(room))]),
    withChunks('EXIF in compressed text', new Array<Buffer>(8).fill(pngChunk('zTXt', profile()))),
    { name: 'PNG, gigabytes in its pixels', bytes: bottomless(room) },
    withChunks('gigabytes in a text', [pngChunk('zTXt', Buffer.concat([Buffer.from('Raw profile type exif\0\0'), zeros(room)]))]),
    withChunks('compressed XMP', repeated(pngChunk('iTXt', compressedXmp()), room)),
  ];
}

const repeated = (chunk: Buffer, room: number) => new Array<Buffer>(Math.floor(room / chunk.length)).fill(chunk);

/** Some thousand times as many zeros, compressed; without an end. */
function zeros(size: number): Buffer {
  const piece = deflateRawSync(Buffer.alloc(1 << 24), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([Buffer.from([0x78, 0x9c]), ...repeated(piece, size)]);
}

/** A digit's size, with far more pixels. */
function bottomless(room: number): Buffer {
  const small = hostilePng({ width: 28, height: 28, colourType: 0, bitDepth: 8, noise: 1 });
  return Buffer.concat([small.subarray(0, 33), pngChunk('IDAT', zeros(room)), pngChunk('IEND', Buffer.alloc(0))]);
}

/** A directory of EXIF with that many orientations, each in a form that is not right. */
function entries(count: number): Buffer {
  const block = Buffer.alloc(14 + 12 * count);
  block.write('MM\0*\0\0\0\x08', 'latin1');
  block.writeUInt16BE(count, 8);
  for (let i = 0; i < count; i++) block.set([1, 0x12, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1], 10 + 12 * i);
  return block;
}

function xmp(size: number): Buffer {
  return Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\0\0\0\0'), Buffer.alloc(size, ':Orientation="1"')]);
}

function compressedXmp(): Buffer {
  return Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\x01\0\0\0'), deflateSync(Buffer.alloc(20_000_000, ':Orientation="1"'))]);
}

function profile(): Buffer {
  const text = `\nexif\n 100000\n${entries(20_000).toString('hex')}`;
  return Buffer.concat([Buffer.from('Raw profile type exif\0\0'), deflateSync(text)]);
}

/** A digit's size, with as much compressed EXIF as is read. */
export function withProfiles(): Buffer {
  const text = deflateSync(Buffer.alloc(32_768, 'a'));
  const chunk = pngChunk('zTXt', Buffer.concat([Buffer.from('Raw profile type exif\0\0'), text]));
  return hostilePng({ width: 28, height: 28, colourType: 0, bitDepth: 8, noise: 1, before: new Array<Buffer>(8).fill(chunk) });
}

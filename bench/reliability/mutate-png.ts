import { crc32, deflateSync, inflateSync } from 'node:zlib';
import type { Random } from '../../shared/random.ts';
import { chance, mutateBytes, oneOf, randomBytes } from './mutate-bytes.ts';

interface Chunk {
  type: string;
  data: Buffer;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** TIFF with one entry, the orientation. */
const EXIF = (orientation: number) =>
  Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);

/** One change of the chunks, most with lengths and checksums that are right again. */
export function mutatePng(bytes: Buffer, random: Random): Buffer {
  const chunks = chunksOf(bytes);
  if (chunks.length === 0) return bytes;
  const at = random.integer(0, chunks.length - 1);
  const chunk = chunks[at] as Chunk;
  const [ihdr, idat] = ['IHDR', 'IDAT'].map((type) => chunks.find((one) => one.type === type));
  switch (random.integer(0, 8)) {
    case 0:
      chunks.splice(at, 1);
      break;
    case 1:
      chunks.splice(random.integer(0, chunks.length), 0, chunk);
      break;
    case 2:
      chunks.splice(at, 1);
      chunks.splice(random.integer(0, chunks.length), 0, chunk);
      break;
    case 3:
      if (ihdr) ihdr.data = mutateHeader(ihdr.data, random);
      break;
    case 4:
      chunks.splice(random.integer(1, chunks.length), 0, ancillary(random));
      break;
    case 5:
    case 6:
      if (idat) idat.data = mutatePixels(idat.data, random);
      break;
    case 7:
      if (idat) chunks.splice(chunks.indexOf(idat), 1, ...halves(idat, random));
      break;
    default:
      chunk.data = mutateBytes(chunk.data, chunk.data, random);
  }
  return joined(chunks, random);
}

function chunksOf(bytes: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    chunks.push({ type: bytes.toString('latin1', at + 4, at + 8), data: Buffer.from(bytes.subarray(at + 8, at + 8 + length)) });
    at += 12 + length;
  }
  return chunks;
}

function joined(chunks: readonly Chunk[], random: Random): Buffer {
  const parts = chunks.flatMap(({ type, data }) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(chance(random, 0.02) ? random.integer(0, 0xffffffff) : data.length);
    checksum.writeUInt32BE(chance(random, 0.02) ? 0 : crc32(body));
    return [length, body, checksum];
  });
  const tail = chance(random, 0.05) ? randomBytes(random, random.integer(1, 40)) : Buffer.alloc(0);
  return Buffer.concat([SIGNATURE, ...parts, tail]);
}

/** Width, height, bit depth, colour type, compression, filter, interlace. */
function mutateHeader(data: Buffer, random: Random): Buffer {
  const copy = Buffer.from(data);
  if (copy.length < 13) return copy;
  const size = () => oneOf(random, [0, 1, 27, 29, 56, 784, 2048, 2049, 65535, 0x7fffffff, 0x80000000, 0xffffffff]);
  const field = random.integer(0, 6);
  if (field < 2) copy.writeUInt32BE(size(), 4 * field);
  else copy[6 + field] = oneOf(random, [0, 1, 2, 3, 4, 6, 8, 16, 255]);
  return copy;
}

/** Colours, transparency, gamma, orientation, animation: what may change how the same pixels are shown. */
function ancillary(random: Random): Chunk {
  const type = oneOf(random, [
    'tRNS',
    'PLTE',
    'gAMA',
    'sRGB',
    'cHRM',
    'iCCP',
    'sBIT',
    'bKGD',
    'eXIf',
    'acTL',
    'fcTL',
    'fdAT',
    'tEXt',
    'zTXt',
    'IEND',
    'aBCD',
    'ABCD',
  ]);
  const zeros = (length: number, ...ones: number[]) => {
    const data = Buffer.alloc(length);
    for (const one of ones) data[one] = 1;
    return data;
  };
  const made: Record<string, Buffer> = {
    gAMA: Buffer.from([0, 0, 0xb1, oneOf(random, [0x8f, 0, 255])]),
    eXIf: EXIF(random.integer(0, 9)),
    acTL: zeros(8, 3),
    fcTL: zeros(26, 7, 11, 21),
    zTXt: Buffer.concat([Buffer.from('a\0\0'), deflateSync(Buffer.alloc(100_000))]),
  };
  return { type, data: made[type] ?? randomBytes(random, random.integer(0, 30)) };
}

/** The rows themselves: other pixels, filters that there are not, rows too few or too many. */
function mutatePixels(data: Buffer, random: Random): Buffer {
  let rows: Buffer;
  try {
    rows = inflateSync(data);
  } catch {
    return data;
  }
  if (chance(random, 0.05)) return deflateSync(Buffer.concat([rows, Buffer.alloc(oneOf(random, [1, 1000, 4_000_000]))]));
  return deflateSync(mutateBytes(rows, rows, random), { level: oneOf(random, [0, 1, 9]) });
}

function halves({ type, data }: Chunk, random: Random): Chunk[] {
  const at = random.integer(0, data.length);
  const parts = [data.subarray(0, at), data.subarray(at)].map((part) => ({ type, data: Buffer.from(part) }));
  // Between the halves there may be nothing else.
  return chance(random, 0.3) ? [parts[0] as Chunk, ancillary(random), parts[1] as Chunk] : parts;
}

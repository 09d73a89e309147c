import { crc32, deflateSync } from 'node:zlib';
import { randomFrom } from '../../shared/random.ts';

export interface HostilePng {
  width: number;
  height: number;
  colourType: number;
  bitDepth: number;
  interlaced?: boolean;
  /** Filter type of every row; 4, Paeth, takes longest. */
  filter?: number;
  /** Share of the rows that are noise; the others are zero. */
  noise: number;
  /** Bytes of data in each IDAT. */
  piece?: number;
  /** Chunks before the pixels. */
  before?: Buffer[];
}

const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** A PNG whose pixels are as costly as is asked. */
export function hostilePng({
  width,
  height,
  colourType,
  bitDepth,
  interlaced = false,
  filter = 4,
  noise,
  piece = 1 << 20,
  before = [],
}: HostilePng): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, colourType, 0, 0, interlaced ? 1 : 0], 8);
  const bits = bitDepth * (SAMPLES[colourType] as number);
  const passes = interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const);
  const rows = passes.flatMap(([x, y, right, down]) => {
    const columns = Math.ceil((width - x) / right);
    return Array.from({ length: Math.ceil((height - y) / down) }, () => 1 + Math.ceil((columns * bits) / 8));
  });
  const raw = Buffer.alloc(rows.reduce((sum, length) => sum + length, 0));
  noiseBytes(Math.round(noise * raw.length)).copy(raw);
  let at = 0;
  for (const length of rows) {
    raw[at] = filter;
    at += length;
  }
  const data = deflateSync(raw, { level: 9 });
  const pieces = Array.from({ length: Math.ceil(data.length / piece) }, (_, i) => data.subarray(i * piece, (i + 1) * piece));
  const palette = colourType === 3 ? [pngChunk('PLTE', noiseBytes(3 * 2 ** bitDepth))] : [];
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    ...palette,
    ...before,
    ...pieces.map((data) => pngChunk('IDAT', data)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A chunk with its length and its checksum. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const whole = Buffer.alloc(data.length + 12);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, 'latin1');
  whole.set(data, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), data.length + 8);
  return whole;
}

/** The same bytes each time, which nothing compresses. */
export function noiseBytes(length: number): Buffer {
  const random = randomFrom(1, 'worst');
  const block = Buffer.from(Array.from({ length: Math.min(length, 100_003) }, () => random.integer(0, 255)));
  // Farther apart than deflate looks back (32 KiB).
  return Buffer.alloc(length, block.length > 0 ? block : 0);
}

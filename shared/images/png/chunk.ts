import { crc32 } from '#zlib';

/** A chunk of a PNG (W3C PNG, section 5.3), by its position only: a file may have hundreds of thousands. */
export interface Chunk {
  name: string;
  /** Positions of its length, of its data, and of what follows it. */
  start: number;
  from: number;
  next: number;
}

/** Returns the chunk at a position if it ends within the file; null if none begins there. */
export function chunkAt(bytes: Uint8Array, start: number): Chunk | null {
  const from = start + 8;
  if (from + 4 > bytes.length) return null;
  const [a, b, c, d] = [bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3]] as [number, number, number, number];
  const next = from + 4 + (((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  if (next > bytes.length) return null;
  for (let i = start + 4; i < from; i++) {
    const small = (bytes[i] as number) | 0x20;
    if (small < 0x61 || small > 0x7a) return null;
  }
  const name = String.fromCharCode(
    bytes[start + 4] as number,
    bytes[start + 5] as number,
    bytes[start + 6] as number,
    bytes[start + 7] as number,
  );
  return { name, start, from, next };
}

export const lengthOf = ({ from, next }: Chunk): number => next - 4 - from;

export const dataOf = (bytes: Uint8Array, { from, next }: Chunk): Uint8Array => bytes.subarray(from, next - 4);

/** Says whether a decoder must know the chunk (its first letter is a capital). */
export const isCritical = (bytes: Uint8Array, { start }: Chunk): boolean => ((bytes[start + 4] as number) & 0x20) === 0;

/** Says whether the chunk's checksum is right. */
export function isIntact(bytes: Uint8Array, { start, next }: Chunk): boolean {
  const [a, b, c, d] = bytes.subarray(next - 4, next) as unknown as [number, number, number, number];
  return crc32(bytes.subarray(start + 4, next - 4)) === ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** Returns the bytes of a new chunk, in parts. */
export function chunkOf(name: string, data: Uint8Array): Uint8Array[] {
  const [head, tail] = [new Uint8Array(8), new Uint8Array(4)];
  new DataView(head.buffer).setUint32(0, data.length);
  head.set(new TextEncoder().encode(name), 4);
  new DataView(tail.buffer).setUint32(0, crc32(data, crc32(head.subarray(4))));
  return [head, data, tail];
}

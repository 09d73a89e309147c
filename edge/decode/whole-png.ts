import { nextChunk } from '../next-chunk.ts';

const IHDR = 0x49484452;
const PLTE = 0x504c5445;
const IDAT = 0x49444154;
const IEND = 0x49454e44;
/** Of a chunk's type: not set, what is in the chunk is needed to show the image (PNG 1.2, 3.3). */
const ANCILLARY = 0x20000000;

/**
 * What is wrong with a PNG that may decode all the same: the decoder stops where it has all pixels and looks at no checksum behind
 * them, so that damaged pixels would be screened as if they were whole. Here all chunks up to IEND are checked (CRC-32, PNG 1.2, 3.4)
 * and the compressed pixels up to their end (Adler-32, RFC 1950).
 *
 * @param bytes that begin with a PNG's signature
 * @returns null where nothing is wrong
 */
export async function pngProblem(bytes: Uint8Array, { width, height }: { width: number; height: number }): Promise<string | null> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compressed: Uint8Array[] = [];
  for (let at = 8; ; ) {
    const end = at + 12 <= bytes.length ? at + 12 + view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) return 'it ends within a chunk, or before IEND';
    if (crc32(bytes, at + 4, end - 4) !== view.getUint32(end - 4)) return 'the checksum of a chunk is wrong';
    const type = view.getUint32(at + 4);
    if (!isType(bytes.subarray(at + 4, at + 8)) || (type === IHDR && end - at !== 25) || (type === PLTE && (end - at) % 3 !== 0))
      return 'a chunk is not as PNG has it';
    if (!(type & ANCILLARY) && ![IHDR, PLTE, IDAT, IEND].includes(type)) return 'it has a critical chunk that is not known';
    if (type === IDAT) compressed.push(bytes.subarray(at + 8, end - 4));
    if (type === IEND) break;
    at = end;
  }
  // At most 16 bits of four channels, and for the rows of all passes of interlacing a filter byte and a broken byte each.
  return inflateProblem(compressed, 8 * width * height + 4 * height + 64);
}

/** Four letters. */
const isType = (type: Uint8Array): boolean => type.every((code) => /[A-Za-z]/.test(String.fromCharCode(code)));

/** Inflates and throws away, piece by piece; not further than there can be pixels. */
async function inflateProblem(compressed: readonly Uint8Array[], most: number): Promise<string | null> {
  const stream = new Blob([...compressed] as BlobPart[]).stream().pipeThrough(new DecompressionStream('deflate'));
  const reader = stream.getReader();
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await nextChunk(reader);
      if (done) return null;
      size += value.byteLength;
      if (size > most) break;
    }
  } catch {
    return 'its compressed pixels do not end as they should, or their checksum is wrong';
  }
  reader.cancel().catch(() => undefined);
  return 'it holds more than its pixels';
}

let table: Uint32Array | undefined;

/** CRC-32 of bytes from `from` up to `to` (PNG 1.2, appendix 15). */
function crc32(bytes: Uint8Array, from: number, to: number): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let value = n;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value;
  });
  let crc = 0xffffffff;
  for (let i = from; i < to; i++) crc = (table[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

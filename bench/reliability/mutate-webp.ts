import type { Random } from '../../shared/random.ts';
import { tiffOrientation } from '../built-to-differ/orientation.ts';
import { chance, mutateBytes, oneOf, randomBytes } from './mutate-bytes.ts';

/** One change of the chunks. */
export function mutateWebp(bytes: Buffer, random: Random): Buffer {
  const chunks = webpChunks(bytes);
  const pick = () => random.integer(0, Math.max(0, chunks.length - 1));
  const at = pick();
  const chunk = chunks[at];
  if (!chunk) return bytes;
  switch (random.integer(0, 7)) {
    case 0:
      chunks.splice(at, 1);
      break;
    case 1:
      chunks.splice(pick(), 0, chunk);
      break;
    case 2:
      chunks.splice(at, 1);
      chunks.splice(pick(), 0, chunk);
      break;
    case 3: {
      const data = dataOf(chunk);
      chunks[at] = webpChunk(chunk.toString('latin1', 0, 4), mutateBytes(data, data, random));
      break;
    }
    case 4:
      chunks.splice(random.integer(0, chunks.length), 0, anyChunk(random));
      break;
    case 5:
      // The header of the chunk's data: sizes, flags, versions.
      chunks[at] = Buffer.from(chunk);
      (chunks[at] as Buffer)[random.integer(0, Math.min(chunk.length - 1, 17))] = oneOf(random, [0, 1, 0x10, 0x2f, 0x40, 0x80, 0xff]);
      break;
    case 6:
      return Buffer.concat([bytes, chance(random, 0.5) ? bytes : randomBytes(random, random.integer(1, 50))]);
    default:
      chunks[at] = webpChunk(oneOf(random, ['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'abcd']), dataOf(chunk));
  }
  return webpOf(...chunks);
}

/** A chunk that states the orientation, or another. */
function anyChunk(random: Random): Buffer {
  const [name, data] = oneOf<[string, Buffer]>(random, [
    ['EXIF', tiffOrientation(random.integer(0, 9))],
    ['XMP ', Buffer.from(`<x tiff:Orientation="${random.integer(0, 9)}"/>`)],
    ['ALPH', Buffer.concat([Buffer.of(random.integer(0, 63)), randomBytes(random, 30)])],
    ['VP8X', Buffer.from([random.integer(0, 63), 0, 0, 0, 30, 0, 0, 28, 0, 0])],
    ['ANMF', randomBytes(random, 30)],
  ]);
  return webpChunk(name, data);
}

/** Returns a chunk, padded to an even length. */
export function webpChunk(name: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length & 1)]);
}

/** Returns a file of chunks. */
export function webpOf(...chunks: Uint8Array[]): Buffer {
  return webpChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), ...chunks]));
}

/** Returns a file's chunks as far as they go, each with its header and padding. */
export function webpChunks(webp: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 12; at + 8 <= webp.length; ) {
    const length = webp.readUInt32LE(at + 4);
    const next = at + 8 + length + (length & 1);
    chunks.push(webp.subarray(at, next));
    at = next;
  }
  return chunks;
}

const dataOf = (chunk: Buffer) => chunk.subarray(8, 8 + chunk.readUInt32LE(4));

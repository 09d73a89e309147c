import { Z_BUF_ERROR, Z_FINISH, type Z_FlushMode, Z_OK, Z_STREAM_END, Z_SYNC_FLUSH, ZStream, zlibInflate, zlibInflateInit } from 'pako';
import type { Inflated } from './inflated.ts';

/*
 * `#zlib` where there is no node:zlib, as in browsers: the port of zlib to JavaScript, called as zlib-native.ts calls the original, so that
 * both answer the same for every file.
 */

/** The chunks in which node:zlib inflates unless it is told otherwise. */
const CHUNK = 16 * 1024;

/** Inflates a zlib stream (RFC 1950) up to `most` bytes; as in zlib-native.ts. */
export function inflate(compressed: Uint8Array, most: number): Inflated {
  const { left, ...inflated } = run(compressed, most, most + 64, Z_FINISH);
  if (inflated.state !== 'whole') return inflated;
  if (left > 0) return { state: 'damaged' };
  return inflated.bytes.length > most ? { state: 'too-long' } : inflated;
}

/** Inflates a zlib stream as leniently as any reader: up to where it is cut off, and ignoring bytes after its end. */
export function inflateLeniently(compressed: Uint8Array, most: number): Inflated {
  const { left, ...inflated } = run(compressed, most, CHUNK, Z_SYNC_FLUSH);
  return inflated;
}

/** Inflates chunk by chunk. @returns with it the bytes that are left after the stream's end */
function run(compressed: Uint8Array, most: number, chunk: number, flush: Z_FlushMode): Inflated & { left: number } {
  const stream = new ZStream();
  zlibInflateInit(stream);
  Object.assign(stream, { input: compressed, next_in: 0, avail_in: compressed.length });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    Object.assign(stream, { output: new Uint8Array(chunk), next_out: 0, avail_out: chunk });
    const state = zlibInflate(stream, flush);
    const endsEarly = state !== Z_STREAM_END && flush === Z_FINISH && stream.avail_out > 0;
    if ((state !== Z_OK && state !== Z_STREAM_END && state !== Z_BUF_ERROR) || endsEarly) return { state: 'damaged', left: 0 };
    chunks.push(stream.output.subarray(0, stream.next_out));
    size += stream.next_out;
    if (size > Math.max(1, most)) return { state: 'too-long', left: 0 };
    if (state === Z_STREAM_END || stream.avail_out > 0) return { state: 'whole', bytes: joined(chunks, size), left: stream.avail_in };
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

/** Returns the CRC-32 (PNG, annex D) of bytes that follow others of the checksum `value`. */
export function crc32(bytes: Uint8Array, value = 0): number {
  let rest = ~value;
  for (const byte of bytes) rest = (TABLE[(rest ^ byte) & 0xff] as number) ^ (rest >>> 8);
  return ~rest >>> 0;
}

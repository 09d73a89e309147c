import { constants, inflateSync } from 'node:zlib';
import type { Inflated } from './inflated.ts';

export { crc32 } from 'node:zlib';

/*
 * `#zlib` (package.json) where there is node:zlib: in Node and in workerd. Elsewhere it is zlib-portable.ts, which answers the same.
 */

/**
 * Inflates a zlib stream (RFC 1950) up to `most` bytes.
 *
 * DecompressionStream will not do: workerd's inflates all of its input before it returns the first chunk, gigabytes from a few megabytes
 * (`pnpm bench:worst`).
 */
export function inflate(compressed: Uint8Array, most: number): Inflated {
  try {
    // In one chunk, so that none are joined. The types lack `info`.
    const options = { maxOutputLength: Math.max(1, most), chunkSize: most + 64, info: true };
    const { buffer, engine } = inflateSync(compressed, options) as unknown as {
      buffer: Uint8Array;
      engine: { bytesWritten: number };
    };
    if (engine.bytesWritten < compressed.length) return { state: 'damaged' };
    return buffer.length > most ? { state: 'too-long' } : { state: 'whole', bytes: buffer };
  } catch (error) {
    return { state: stateOf(error) };
  }
}

/**
 * Inflates a zlib stream as leniently as any reader: up to where it is cut off, and ignoring bytes after its end.
 *
 * @returns `whole` with what there is; `too-long` if that is more than `most` bytes
 */
export function inflateLeniently(compressed: Uint8Array, most: number): Inflated {
  try {
    const options = { maxOutputLength: Math.max(1, most), finishFlush: constants.Z_SYNC_FLUSH };
    return { state: 'whole', bytes: inflateSync(compressed, options) };
  } catch (error) {
    return { state: stateOf(error) };
  }
}

/** Tells errors apart: Node and workerd throw a RangeError beyond `maxOutputLength`; only Node's has a code. */
const stateOf = (error: unknown) => (error instanceof RangeError ? 'too-long' : 'damaged');

import { constants, inflateSync } from 'node:zlib';

/** What inflating gave. */
export type Inflated =
  | { state: 'whole'; bytes: Uint8Array }
  /** `too-long`: there is more than was asked for; `damaged` with bytes behind its end, too. */
  | { state: 'too-long' | 'damaged' };

/**
 * Inflates a zlib stream (RFC 1950), not further than `most` bytes.
 *
 * Not by DecompressionStream: workerd's inflates all that it was given before it hands on the first piece, gigabytes of a few megabytes
 * (`pnpm bench:worst`).
 */
export function inflate(compressed: Uint8Array, most: number): Inflated {
  try {
    // In one piece, so that none are joined. The types know no `info`.
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
 * Inflates a zlib stream as leniently as any reader: one that is cut off up to there, and without the bytes behind its end.
 *
 * @returns `whole` with what there is; `too-long` where that is more than `most` bytes
 */
export function inflateAsFarAsItGoes(compressed: Uint8Array, most: number): Inflated {
  try {
    const options = { maxOutputLength: Math.max(1, most), finishFlush: constants.Z_SYNC_FLUSH };
    return { state: 'whole', bytes: inflateSync(compressed, options) };
  } catch (error) {
    return { state: stateOf(error) };
  }
}

/** Node and workerd throw a RangeError where there is more than `maxOutputLength`; only Node's has a code. */
const stateOf = (error: unknown) => (error instanceof RangeError ? 'too-long' : 'damaged');

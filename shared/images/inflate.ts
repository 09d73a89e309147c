/** What inflating gave. */
export interface Inflated {
  /** `too-long`: there is more than was asked for. */
  state: 'whole' | 'too-long' | 'damaged';
  /** Bytes counted up to there. */
  size: number;
  /** The first of them, as many as were to be kept. */
  bytes: Uint8Array;
}

/**
 * Inflates a zlib stream (RFC 1950), piece by piece and not further than `most` bytes.
 *
 * @param keep how many of the first bytes are kept; the rest is counted only
 */
export async function inflate(compressed: readonly Uint8Array[], most: number, keep: number): Promise<Inflated> {
  const stream = new Blob([...compressed] as BlobPart[]).stream().pipeThrough(new DecompressionStream('deflate'));
  const reader = stream.getReader();
  const kept = new Uint8Array(keep);
  let size = 0;
  const inflated = (state: Inflated['state']): Inflated => ({ state, size, bytes: kept.subarray(0, Math.min(size, keep)) });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return inflated('whole');
      if (size < keep) kept.set(value.subarray(0, keep - size), size);
      size += value.byteLength;
      if (size > most) break;
    }
  } catch (error) {
    // Read, as workerd would keep what its stack holds (edge/next-chunk.ts).
    if (error instanceof Error) void error.stack;
    return inflated('damaged');
  }
  reader.cancel().catch(() => undefined);
  return inflated('too-long');
}

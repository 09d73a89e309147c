import { createHash } from 'node:crypto';

/**
 * The weights of all graphs of a bundle, each stored once: ONNX external data, little-endian float32 (as every processor has it on which
 * the project runs), aligned to 64 bytes.
 */
export interface WeightStore {
  /** Stores the values, unless the same are there already. @returns their place in bytes */
  add(values: Float32Array): { offset: number; length: number };
  /** Returns the content of `weights.bin`. */
  bytes(): Uint8Array;
}

/** The name by which the graphs find the file, in the same folder. */
export const WEIGHTS_FILE = 'weights.bin';

const ALIGNMENT = 64;

export function createWeightStore(): WeightStore {
  const stored = new Map<string, { bytes: Uint8Array; offset: number; length: number }>();
  let end = 0;
  return {
    add(values) {
      const bytes = new Uint8Array(values.slice().buffer);
      const key = createHash('sha256').update(bytes).digest('hex');
      const known = stored.get(key);
      if (known) return known;
      const added = { bytes, offset: end, length: bytes.byteLength };
      stored.set(key, added);
      end = Math.ceil((end + bytes.byteLength) / ALIGNMENT) * ALIGNMENT;
      return added;
    },
    bytes() {
      const all = new Uint8Array(end);
      for (const { bytes, offset } of stored.values()) all.set(bytes, offset);
      return all;
    },
  };
}

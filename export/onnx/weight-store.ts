/** Where a tensor stands in `weights.bin`. */
export interface StoredWeight {
  offset: number;
  length: number;
}

/**
 * The weights of all graphs of a bundle, each once: ONNX external data, little-endian float32, aligned to 64 bytes.
 */
export interface WeightStore {
  /** Stores the values unless the same are there already. */
  add(values: Float32Array): StoredWeight;
  /** The content of `weights.bin`. */
  bytes(): Uint8Array;
}

/** The name by which the graphs find the file, beside them. */
export const WEIGHTS_FILE = 'weights.bin';

const ALIGNMENT = 64;

export function createWeightStore(): WeightStore {
  const places = new Map<string, StoredWeight>();
  const parts: { bytes: Uint8Array; offset: number }[] = [];
  let end = 0;
  return {
    add(values) {
      const bytes = littleEndian(values);
      const key = Buffer.from(bytes).toString('latin1');
      const known = places.get(key);
      if (known) return known;
      const place = { offset: end, length: bytes.byteLength };
      parts.push({ bytes, offset: end });
      places.set(key, place);
      end = Math.ceil((end + bytes.byteLength) / ALIGNMENT) * ALIGNMENT;
      return place;
    },
    bytes() {
      const all = new Uint8Array(end);
      for (const { bytes, offset } of parts) all.set(bytes, offset);
      return all;
    },
  };
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
  return bytes;
}

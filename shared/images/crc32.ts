/** `tables[256 k + n]`: what byte n, with k zeros behind it, adds to the checksum. */
let tables: Int32Array | undefined;

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let value = n;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    made[n] = value;
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256] as number;
    made[i] = (made[before & 255] as number) ^ (before >>> 8);
  }
  return made;
}

/** CRC-32 of the bytes from `from` up to `to` (PNG, annex D), eight at a time. */
export function crc32(bytes: Uint8Array, from = 0, to = bytes.length): number {
  tables ??= makeTables();
  const t = tables;
  const at = (i: number) => bytes[i] as number;
  const look = (table: number, byte: number) => t[256 * table + byte] as number;
  let crc = -1;
  let i = from;
  for (; i + 8 <= to; i += 8) {
    crc ^= at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
    crc =
      look(7, crc & 255) ^
      look(6, (crc >>> 8) & 255) ^
      look(5, (crc >>> 16) & 255) ^
      look(4, crc >>> 24) ^
      look(3, at(i + 4)) ^
      look(2, at(i + 5)) ^
      look(1, at(i + 6)) ^
      look(0, at(i + 7));
  }
  for (; i < to; i++) crc = look(0, (crc ^ at(i)) & 255) ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

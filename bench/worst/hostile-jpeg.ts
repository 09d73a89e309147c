import { maxCoefficients } from '../../shared/images/jpeg/cost.ts';
import { BLOCK_COST } from '../../shared/images/jpeg/frame.ts';
import { noiseBytes } from './hostile-png.ts';

const segment = (marker: number, ...data: number[]): Buffer => {
  const length = data.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 255, ...data]);
};

/** A Huffman table of one symbol, whose code is a zero. */
const table = (class_: 0 | 1, symbol: number) => segment(0xc4, 16 * class_, 1, ...new Array(15).fill(0), symbol);
const scan = (components: number[], first: number, last: number, high: number, low: number) =>
  segment(0xda, components.length, ...components.flatMap((id) => [id, 0]), first, last, 16 * high + low);

export interface Progressive {
  width: number;
  height: number;
  components: 1 | 3;
  /** Size of the file, which bounds the cost of its scans. */
  bytes: number;
  scans: number;
}

/**
 * Makes a progressive JPEG (T.81, annex G) that costs what the limits allow: its first AC scan makes every coefficient non-zero, so that
 * each refinement reads and branches on a bit for every one.
 */
export function refinedJpeg({ width, height, components, ...most }: Progressive): Buffer {
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const ids = components === 1 ? [1] : [1, 2, 3];
  const mostCoefficients = maxCoefficients({ width, height });
  const parts = [
    ...headOf(0xc2, width, height, ids),
    table(0, 0),
    scan(ids, 0, 0, 0, 0),
    Buffer.alloc(Math.ceil((blocks * components) / 8)),
  ];
  let [coefficients, bytes, scans] = [blocks * components * (1 + BLOCK_COST), Buffer.concat(parts).length + 2, 1];
  const add = (made: Buffer[]): boolean => {
    const size = made.reduce((sum, { length }) => sum + length, 0);
    const cost = blocks * (63 + BLOCK_COST);
    if (coefficients + cost > mostCoefficients || bytes + size > most.bytes || scans === most.scans) return false;
    parts.push(...made);
    coefficients += cost;
    bytes += size;
    scans += 1;
    return true;
  };
  // One after the other: first the coefficients, then their bits from the highest on.
  for (let low = 13; low >= 0; low--)
    for (const id of ids) {
      const made = low === 13 ? firstScan(id, blocks, low) : refinement(id, blocks, low);
      if (!add(made)) return Buffer.concat([...parts, Buffer.from([0xff, 0xd9])]);
    }
  return Buffer.concat([...parts, Buffer.from([0xff, 0xd9])]);
}

/** Writes two bits for each coefficient: the code of "no zeros before it, one bit", and its sign. */
function firstScan(id: number, blocks: number, low: number): Buffer[] {
  const data = noiseBytes(Math.ceil((blocks * 126) / 8)).map((byte) => byte & 0x55);
  return [table(1, 0x01), scan([id], 1, 63, 0, low), Buffer.from(data)];
}

/** Runs of blocks in which nothing new begins, with a bit for each of their coefficients. */
function refinement(id: number, blocks: number, low: number): Buffer[] {
  const power = Math.min(14, Math.floor(Math.log2(blocks)));
  const [whole, rest] = [Math.floor(blocks / 2 ** power), blocks % 2 ** power];
  const runs = Array.from({ length: whole }, (_, i) => 2 ** power + (i === whole - 1 ? rest : 0));
  const data = noiseBytes(Math.ceil(runs.reduce((sum, run) => sum + 1 + power + 63 * run, 0) / 8)).map((byte) =>
    byte === 255 ? 0xaa : byte,
  );
  let at = 0;
  const put = (bit: number) => {
    const mask = 0x80 >> (at & 7);
    data[at >> 3] = ((data[at >> 3] as number) & ~mask) | (bit ? mask : 0);
    at += 1;
  };
  for (const run of runs) {
    put(0);
    for (let bit = power - 1; bit >= 0; bit--) put(((run - 2 ** power) >> bit) & 1);
    at += 63 * run;
  }
  // Behind what was set above there may be a 255 now.
  const stuffed = Buffer.from(data.map((byte) => (byte === 255 ? 0xfe : byte)));
  return [table(1, 16 * power), scan([id], 1, 63, low + 1, low), stuffed];
}

/** A grey JPEG of zeros with that restart interval, and its first `markers` restart markers. */
export function restartedJpeg(width: number, height: number, interval = 1, markers = Number.POSITIVE_INFINITY): Buffer {
  const units = Math.ceil(width / 8) * Math.ceil(height / 8);
  const pieces: number[] = [];
  for (let done = 0, count = 0; done < units; done += interval) {
    if (done > 0 && ++count <= markers) pieces.push(0xff, 0xd0 + ((count - 1) & 7));
    // A bit of DC and one of AC for each, both zero, and ones up to the byte's end.
    const bits = 2 * Math.min(interval, units - done);
    for (let left = bits; left > 0; left -= 8) pieces.push(left >= 8 ? 0 : 0xff >> left);
  }
  return Buffer.concat([
    ...headOf(0xc0, width, height, [1]),
    table(0, 0),
    table(1, 0),
    segment(0xdd, interval >> 8, interval & 255),
    scan([1], 0, 63, 0, 0),
    Buffer.from(pieces),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** A sequential JPEG all of whose coefficients are there, two bits each, with sampling factors as asked. */
export function fullJpeg(width: number, height: number, sampling: readonly number[]): Buffer {
  const [h, v] = [Math.max(...sampling.map((s) => s >> 4)), Math.max(...sampling.map((s) => s & 15))];
  const units = Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v));
  const blocks = units * sampling.reduce((sum, s) => sum + (s >> 4) * (s & 15), 0);
  // Of each block 1 bit for DC, 126 for AC.
  const data = Buffer.from(noiseBytes(Math.ceil((blocks * 127) / 8)));
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    data[at >> 3] = (data[at >> 3] as number) & ~(0x80 >> (at & 7));
    at += 1;
    for (let k = 0; k < 63; k++, at += 2) data[at >> 3] = (data[at >> 3] as number) & ~(0x80 >> (at & 7));
  }
  const ids = sampling.map((_, i) => i + 1);
  return Buffer.concat([
    ...headOf(0xc0, width, height, ids, sampling),
    table(0, 0),
    table(1, 0x01),
    scan(ids, 0, 63, 0, 0),
    data,
    Buffer.from([0xff, 0xd9]),
  ]);
}

function headOf(frame: number, width: number, height: number, ids: readonly number[], sampling: readonly number[] = []): Buffer[] {
  return [
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, 0, ...new Array(64).fill(1)),
    segment(
      frame,
      8,
      height >> 8,
      height & 255,
      width >> 8,
      width & 255,
      ids.length,
      ...ids.flatMap((id, i) => [id, sampling[i] ?? 0x11, 0]),
    ),
  ];
}

import { ImageError } from '../image.ts';

/** A JPEG's frame header (ITU T.81, B.2.2). */
export interface Frame {
  width: number;
  height: number;
  progressive: boolean;
  components: Component[];
  /** Blocks of all components in an interleaved scan, padded to whole units. */
  blocks: number;
}

interface Component {
  id: number;
  /** Blocks of 8 x 8 in a scan of this component alone. */
  blocks: number;
}

/** A scan, and what it costs. */
export interface Scan {
  /** True if its coefficients are kept until the last scan, because there are several. */
  kept: boolean;
  /** The coefficients of all its blocks, plus `BLOCK_COST` for each block. */
  cost: number;
}

/** The cost of a block besides its coefficients, in coefficients. */
export const BLOCK_COST = 4;

/** The frames of T.81 that browsers show: baseline, extended and progressive, all Huffman-coded. */
const FRAMES = [0xc0, 0xc1, 0xc2];
const PROGRESSIVE = 0xc2;
const OTHER_FRAMES: Record<number, string> = { 195: 'lossless', 201: 'arithmetic-coded', 202: 'arithmetic-coded', 203: 'lossless' };

export const damaged = (why: string) => new ImageError(`The JPEG is cut off or damaged: ${why}. Use the whole file, or save it again.`);
export const unread = (what: string) =>
  new ImageError(`The JPEG is ${what}, which is not read. Save it as an ordinary JPEG, grey or colour (RGB), of 8 bits.`);

/** Reads a frame header. @throws ImageError if the frame is of a kind that is not read, or its header is not valid */
export function frameOf(marker: number, data: Uint8Array): Frame {
  if (!FRAMES.includes(marker)) throw unread(OTHER_FRAMES[marker] ?? 'of a rare kind');
  const [precision, a, b, c, d, count] = data as unknown as [number, number, number, number, number, number];
  if (data.length < 6 || data.length !== 6 + 3 * count) throw damaged('its frame header is not valid');
  if (precision !== 8) throw unread(`of ${precision} bits`);
  // Four are CMYK or YCCK: the colours depend on a profile and, in many files, on an inversion that nothing in the file announces.
  if (count !== 1 && count !== 3) throw unread(count === 4 ? 'in CMYK' : `of ${count} components`);
  const [height, width] = [256 * a + b, 256 * c + d];
  if (height === 0) throw unread('of a height that is given after its pixels');
  const sampled = Array.from({ length: count }, (_, i) => {
    const sampling = data[7 + 3 * i] as number;
    return { id: data[6 + 3 * i] as number, h: sampling >> 4, v: sampling & 15 };
  });
  if (sampled.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4))
    throw damaged('its frame header has a sampling that JPEG does not have');
  if (new Set(sampled.map(({ id }) => id)).size < count) throw damaged('its frame header has a component twice');
  const [h, v] = [Math.max(...sampled.map((each) => each.h)), Math.max(...sampled.map((each) => each.v))];
  const units = Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v));
  const components = sampled.map(({ id, h: own, v: ownV }) => ({
    id,
    blocks: Math.ceil((width * own) / (8 * h)) * Math.ceil((height * ownV) / (8 * v)),
  }));
  const blocks = units * sampled.reduce((sum, each) => sum + each.h * each.v, 0);
  return { width, height, progressive: marker === PROGRESSIVE, components, blocks };
}

/** Reads a scan header (T.81, B.2.3). @throws ImageError if it is not valid */
export function scanOf(data: Uint8Array, frame: Frame | undefined): Scan {
  const count = data[0] ?? 0;
  if (!frame || count < 1 || count > frame.components.length || data.length !== 4 + 2 * count)
    throw damaged('a scan is not valid, or comes before the frame header');
  const component = frame.components.find(({ id }) => id === data[1]);
  if (!component) throw damaged('a scan is of a component that is not there');
  const { blocks } = count > 1 ? frame : component;
  const [first, last] = frame.progressive ? [data[1 + 2 * count] as number, data[2 + 2 * count] as number] : [0, 63];
  if (first > last || last > 63) throw damaged('a scan is of coefficients that JPEG does not have');
  return { kept: frame.progressive || count < frame.components.length, cost: blocks * (last - first + 1 + BLOCK_COST) };
}

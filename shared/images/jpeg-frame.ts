import { ImageError } from './image-error.ts';

/** What a JPEG's frame header (ITU T.81, B.2.2) says. */
export interface Frame {
  width: number;
  height: number;
  progressive: boolean;
  components: Component[];
  /** Of all components in an interleaved scan, padded to whole units. */
  blocks: number;
}

interface Component {
  id: number;
  /** Blocks of 8 x 8 in a scan of this component alone. */
  blocks: number;
}

/** What a scan goes through. */
export interface Scan {
  /** Whether its coefficients are kept until the last scan: it is one of several. */
  kept: boolean;
  /** Coefficients of all its blocks, with `BLOCK_COST` for each block. */
  cost: number;
}

/** What a block costs apart from its coefficients, in coefficients. */
export const BLOCK_COST = 4;

/** Of the frames that T.81 knows those that browsers show: baseline, extended, progressive, all Huffman-coded. */
const FRAMES = [0xc0, 0xc1, 0xc2];
const PROGRESSIVE = 0xc2;
const OTHER_FRAMES: Record<number, string> = { 195: 'lossless', 201: 'arithmetic-coded', 202: 'arithmetic-coded', 203: 'lossless' };

export const damaged = (why: string) => new ImageError(`The JPEG is cut off or damaged: ${why}. Use the whole file, or save it anew.`);
export const unread = (what: string) =>
  new ImageError(`The JPEG is ${what}, which is not read. Save it as an ordinary JPEG, grey or colour (RGB), of 8 bits.`);

/** @throws ImageError where the frame is of a kind that is not read, or its header is not as JPEG has it */
export function frameOf(marker: number, data: Uint8Array): Frame {
  if (!FRAMES.includes(marker)) throw unread(OTHER_FRAMES[marker] ?? 'of a rare kind');
  const [precision, a, b, c, d, count] = data as unknown as [number, number, number, number, number, number];
  if (data.length < 6 || data.length !== 6 + 3 * count) throw damaged('its frame header is not as JPEG has it');
  if (precision !== 8) throw unread(`of ${precision} bits`);
  // Four are CMYK or YCCK, whose colours depend on a profile and, in many files, on an inversion that nothing tells.
  if (count !== 1 && count !== 3) throw unread(count === 4 ? 'in CMYK' : `of ${count} components`);
  const [height, width] = [256 * a + b, 256 * c + d];
  if (height === 0) throw unread('of a height that is told behind its pixels');
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

/** @param data of the scan header (T.81, B.2.3). @throws ImageError */
export function scanOf(data: Uint8Array, frame: Frame | undefined): Scan {
  const count = data[0] ?? 0;
  if (!frame || count < 1 || count > frame.components.length || data.length !== 4 + 2 * count)
    throw damaged('a scan is not as JPEG has it, or comes before the frame header');
  const component = frame.components.find(({ id }) => id === data[1]);
  if (!component) throw damaged('a scan is of a component that is not there');
  const { blocks } = count > 1 ? frame : component;
  const [first, last] = frame.progressive ? [data[1 + 2 * count] as number, data[2 + 2 * count] as number] : [0, 63];
  if (first > last || last > 63) throw damaged('a scan is of coefficients that JPEG does not have');
  return { kept: frame.progressive || count < frame.components.length, cost: blocks * (last - first + 1 + BLOCK_COST) };
}

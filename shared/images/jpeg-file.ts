import { exifClaims, xmpClaims } from './exif.ts';
import { ImageError } from './image-error.ts';
import { checkCoefficients, checkJpegSize } from './jpeg-scale.ts';
import { type ImageLimits, maxBlockVisits } from './limits.ts';
import type { OrientationClaim } from './orientation.ts';

/** A JPEG as its segments describe it, before anything is decoded. */
export interface JpegFile {
  type: 'JPEG';
  width: number;
  height: number;
  /** 1 grey, 3 colour. */
  components: number;
  scans: number;
  /** Where its end marker stands. */
  end: number;
  claims: OrientationClaim[];
}

/** What the frame header (ITU T.81, B.2.2) says of a component. */
interface Component {
  id: number;
  /** Blocks of 8 x 8 in a scan of this component alone. */
  blocks: number;
}

interface Frame {
  width: number;
  height: number;
  progressive: boolean;
  components: Component[];
  /** Blocks of all components in an interleaved scan, padded to whole units. */
  blocks: number;
}

const EXIF = 'Exif\0';
const XMP = 'http://ns.adobe.com/xap/1.0/\0';
/** Of the frames that T.81 knows those that browsers show: baseline, extended, progressive, all Huffman-coded. */
const FRAMES = [0xc0, 0xc1, 0xc2];
const PROGRESSIVE = 0xc2;
const OTHER_FRAMES: Record<number, string> = { 195: 'lossless', 201: 'arithmetic-coded', 202: 'arithmetic-coded', 203: 'lossless' };

const damaged = (why: string) => new ImageError(`The JPEG is cut off or damaged: ${why}. Use the whole file, or save it anew.`);
const unread = (what: string) =>
  new ImageError(`The JPEG is ${what}, which is not read. Save it as an ordinary JPEG, grey or colour (RGB), of 8 bits.`);

/**
 * Reads a JPEG's segments up to its end marker (ITU T.81, annex B), and counts what its scans cost.
 *
 * @param bytes that begin with the start marker
 * @throws ImageError where the file is not whole, is of a kind that is not read, or its scans cost more than is allowed
 */
export function readJpegFile(bytes: Uint8Array, limits: ImageLimits): JpegFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claims: OrientationClaim[] = [];
  let frame: Frame | undefined;
  let exifBlocks = 0;
  let [scans, visits] = [0, 0];
  for (let at = 2; ; ) {
    if (at + 1 >= bytes.length) throw damaged('it ends before its end marker');
    if (bytes[at] !== 0xff) throw damaged(`no segment begins at byte ${at}`);
    const marker = bytes[at + 1] as number;
    if (marker === 0xff) at += 1;
    else if (marker === 0xd9) {
      if (!frame || scans === 0) throw damaged('it has no pixels');
      const { width, height, components } = frame;
      return { type: 'JPEG', width, height, components: components.length, scans, end: at, claims };
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else {
      const length = at + 3 < bytes.length ? view.getUint16(at + 2) : 0;
      const next = at + 2 + length;
      if (marker === 0xd8 || marker === 0 || length < 2) throw damaged(`the segment at byte ${at} is not as JPEG has it`);
      if (next > bytes.length) throw damaged('it ends before its end marker');
      const data = bytes.subarray(at + 4, next);
      at = next;
      if (marker === 0xda) {
        visits += visitsOf(data, frame);
        scans += 1;
        // One scan of everything costs what its pixels cost; of several, the coefficients are kept until the last.
        const isWhole = scans === 1 && !frame?.progressive && data[0] === frame?.components.length;
        if (!isWhole) checkCoefficients(frame as Frame);
        if (scans > limits.maxScans || (!isWhole && visits > maxBlockVisits(limits)))
          throw new ImageError(
            `The JPEG has ${scans > limits.maxScans ? `more than ${limits.maxScans} scans` : `scans that take too long for its size (${visits} blocks)`}. Save it as an ordinary (baseline) JPEG.`,
            'image-too-large',
          );
        at = endOfScan(bytes, at);
      } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
        if (frame) throw damaged('it has two frames');
        frame = frameOf(marker, data);
        checkJpegSize(frame, limits);
      } else if (marker === 0xdc || marker === 0xde || marker === 0xdf) throw unread('of several frames, or tells its height late');
      else if (marker === 0xe1 && startsWith(data, EXIF)) {
        const counts = ++exifBlocks === 1 && !frame;
        claims.push(...exifClaims(data.subarray(6), counts ? 'its EXIF' : 'EXIF of another place', counts));
      } else if (marker === 0xe1 && startsWith(data, XMP)) claims.push(...xmpClaims(data, 'its XMP'));
    }
  }
}

function frameOf(marker: number, data: Uint8Array): Frame {
  if (!FRAMES.includes(marker)) throw unread(OTHER_FRAMES[marker] ?? 'of a rare kind');
  const [precision, a, b, c, d, count] = data as unknown as [number, number, number, number, number, number];
  if (data.length < 6 || data.length !== 6 + 3 * count) throw damaged('its frame header is not as JPEG has it');
  if (precision !== 8) throw unread(`of ${precision} bits`);
  // Four are CMYK or YCCK, whose colours depend on a profile and, in many files, on an inversion that nothing tells.
  if (count !== 1 && count !== 3) throw unread(count === 4 ? 'in CMYK' : `of ${count} components`);
  const [height, width] = [256 * a + b, 256 * c + d];
  const sampled = Array.from({ length: count }, (_, i) => {
    const sampling = data[7 + 3 * i] as number;
    return { id: data[6 + 3 * i] as number, h: sampling >> 4, v: sampling & 15 };
  });
  if (sampled.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4))
    throw damaged('its frame header has a sampling that JPEG does not have');
  const [h, v] = [Math.max(...sampled.map((each) => each.h)), Math.max(...sampled.map((each) => each.v))];
  const units = Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v));
  const components = sampled.map(({ id, h: own, v: ownV }) => ({
    id,
    blocks: Math.ceil((width * own) / (8 * h)) * Math.ceil((height * ownV) / (8 * v)),
  }));
  const progressive = marker === PROGRESSIVE;
  return { width, height, progressive, components, blocks: units * sampled.reduce((sum, each) => sum + each.h * each.v, 0) };
}

/** Blocks that a scan goes through (T.81, B.2.3). */
function visitsOf(data: Uint8Array, frame: Frame | undefined): number {
  const count = data[0] ?? 0;
  if (!frame || count < 1 || count > frame.components.length || data.length !== 4 + 2 * count)
    throw damaged('a scan is not as JPEG has it, or comes before the frame header');
  if (count > 1) return frame.blocks;
  const component = frame.components.find(({ id }) => id === data[1]);
  if (!component) throw damaged('a scan is of a component that is not there');
  return component.blocks;
}

/** Where the next marker is that is none of a scan's own: a stuffed zero, a restart, a fill byte. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const marker = bytes[at + 1] as number;
    if (marker !== 0 && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd7)) return at;
  }
  return bytes.length;
}

const startsWith = (data: Uint8Array, text: string) => [...text].every((character, i) => data[i] === character.charCodeAt(0));

import { ImageError } from '../image.ts';
import { checkSize, type ImageLimits } from '../limits.ts';
import type { OrientationClaim } from '../orientation.ts';
import { type Chunk, chunkAt, chunkOf, dataOf, isCritical, isIntact, lengthOf } from './chunk.ts';
import { claimsReader } from './metadata.ts';

/** A PNG as its chunks describe it, before any pixel is inflated. */
export interface PngFile {
  width: number;
  height: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha. */
  colourType: number;
  bitDepth: number;
  interlaced: boolean;
  /** True if some pixels may not be opaque. */
  transparent: boolean;
  /** The compressed pixels. */
  compressed: Uint8Array;
  /** The image in only those chunks that its pixels need, in order: signature, IHDR, PLTE, tRNS, IDAT, IEND. */
  needed: Uint8Array[];
  claims: OrientationClaim[];
}

export const PNG_SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** More IDATs than this are joined for the decoder, which takes some 15 microseconds for each. Usual files of 5 MB have up to 650. */
const MANY_PIECES = 1024;

/** Bit depths of each colour type (PNG, 11.2.1). */
const DEPTHS: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

export const damaged = (why: string) => new ImageError(`The PNG is cut off or damaged: ${why}. Use the whole file, or save it again.`);

type Header = Pick<PngFile, 'width' | 'height' | 'colourType' | 'bitDepth' | 'interlaced'>;

/** The chunks found so far that the pixels need. */
interface Met {
  palette?: Chunk;
  transparency?: Chunk;
  pixels: Pixels;
}

/** The run of IDATs. */
interface Pixels {
  count: number;
  /** Start of the first and end of the last. */
  start: number;
  next: number;
  /** Length of all their data. */
  length: number;
}

/**
 * Reads a PNG's chunks (W3C PNG, sections 5 and 11). Those that the pixels need are checked strictly: order, number, length, checksum.
 * Others are read only for the orientation and then left out; even damaged ones do not make the file refused.
 *
 * @param bytes a file that begins with the signature
 * @throws ImageError
 */
export function readPngFile(bytes: Uint8Array, limits: ImageLimits): PngFile {
  const first = chunkAt(bytes, PNG_SIGNATURE.length);
  const header = headerOf(bytes, first, limits);
  const { claims, read } = claimsReader(bytes);
  const met: Met = { pixels: { count: 0, start: 0, next: 0, length: 0 } };
  let last = 'IHDR';
  let at = (first as Chunk).next;
  while (last !== 'IEND') {
    const chunk = chunkAt(bytes, at);
    if (!chunk)
      throw damaged(at >= bytes.length ? 'it ends before its last chunk, IEND' : `it is cut off, or no chunk begins at byte ${at}`);
    const isNeeded = isCritical(bytes, chunk) || chunk.name === 'tRNS';
    if (isNeeded) take(bytes, chunk, last, met, header);
    else read(chunk, met.pixels.count === 0 ? 'before' : 'behind');
    last = chunk.name;
    at = chunk.next;
  }
  const end = at;
  // Some readers also look for metadata after the image's end.
  for (let chunk = chunkAt(bytes, at); chunk; chunk = chunkAt(bytes, chunk.next)) read(chunk, 'behind');
  const { palette, transparency, pixels } = met;
  const whole = ({ start, next }: Chunk) => bytes.subarray(start, next);
  const compressed = joined(bytes, pixels);
  return {
    ...header,
    transparent: (header.colourType & 4) !== 0 || transparency !== undefined,
    compressed,
    needed: [
      bytes.subarray(0, (first as Chunk).next),
      ...(palette ? [whole(palette)] : []),
      ...(transparency ? [whole(transparency)] : []),
      ...(pixels.count > MANY_PIECES ? chunkOf('IDAT', compressed) : [bytes.subarray(pixels.start, pixels.next)]),
      bytes.subarray(end - 12, end),
    ],
    claims,
  };
}

function headerOf(bytes: Uint8Array, chunk: Chunk | null, limits: ImageLimits): Header {
  if (chunk?.name !== 'IHDR' || lengthOf(chunk) !== 13) throw damaged('it does not begin with a header (IHDR)');
  const data = dataOf(bytes, chunk);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  checkSize({ width, height }, limits);
  if (!isIntact(bytes, chunk)) throw damaged('the checksum of its header (IHDR) is wrong');
  const [bitDepth, colourType, compression, filter, interlace] = data.subarray(8) as unknown as [number, number, number, number, number];
  if (!DEPTHS[colourType]?.includes(bitDepth) || compression !== 0 || filter !== 0 || interlace > 1)
    throw damaged(
      `its header has colour type ${colourType} of ${bitDepth} bits, compression ${compression}, filter ${filter}, ` +
        `interlacing ${interlace}, which PNG does not have`,
    );
  return { width, height, colourType, bitDepth, interlaced: interlace === 1 };
}

/** Checks and keeps a chunk that the pixels need. @param last name of the chunk before it */
function take(bytes: Uint8Array, chunk: Chunk, last: string, met: Met, { colourType }: Header): void {
  const { name } = chunk;
  // An image with alpha needs no tRNS, and readers ignore it.
  if (name === 'tRNS' && (colourType & 4) !== 0) return;
  if (!isIntact(bytes, chunk)) throw damaged(`the checksum of its chunk ${name} is wrong`);
  const { pixels } = met;
  const isBehindPixels = pixels.count > 0;
  if (name === 'PLTE') {
    if (met.palette || met.transparency || isBehindPixels) throw damaged('its palette (PLTE) is there twice, or in the wrong place');
    checkPalette(lengthOf(chunk), colourType);
    met.palette = chunk;
  } else if (name === 'tRNS') {
    if (met.transparency || isBehindPixels || !isTransparencyRight(lengthOf(chunk), colourType, met.palette))
      throw damaged('its transparency (tRNS) is there twice, in the wrong place, or of the wrong length');
    met.transparency = chunk;
  } else if (name === 'IDAT') {
    if (isBehindPixels && last !== 'IDAT') throw damaged('its pixels (IDAT) are not in one piece');
    if (colourType === 3 && !met.palette) throw damaged('its palette (PLTE) is missing');
    if (!isBehindPixels) pixels.start = chunk.start;
    pixels.count += 1;
    pixels.next = chunk.next;
    pixels.length += lengthOf(chunk);
  } else if (name === 'IEND') {
    if (lengthOf(chunk) > 0) throw damaged('its last chunk, IEND, is not empty');
    if (!isBehindPixels) throw damaged('it has no pixels (IDAT)');
  } else throw damaged(`it has a chunk ${name}, which a reader must know but PNG does not have there`);
}

function checkPalette(length: number, colourType: number): void {
  if (colourType === 0 || colourType === 4) throw damaged('it is grey but has a palette (PLTE)');
  if (length % 3 !== 0 || length < 3 || length > 768)
    throw damaged(`its palette (PLTE) has ${length} bytes; 1 to 256 colours of three are allowed`);
}

/** Says whether tRNS has the right length (PNG, 11.3.1.1). */
function isTransparencyRight(length: number, colourType: number, palette: Chunk | undefined): boolean {
  if (colourType === 3) return palette !== undefined && length >= 1 && length <= lengthOf(palette) / 3;
  return length === (colourType === 0 ? 2 : 6);
}

/** Joins the data of a run of chunks. */
function joined(bytes: Uint8Array, { count, start, next, length }: Pixels): Uint8Array {
  if (count === 1) return bytes.subarray(start + 8, next - 4);
  const data = new Uint8Array(length);
  let to = 0;
  for (let at = start; at < next; ) {
    const chunk = chunkAt(bytes, at) as Chunk;
    const end = chunk.next - 4;
    // Copying a few bytes one by one is faster than making a view.
    if (end - chunk.from < 32) for (let i = chunk.from; i < end; i++) data[to++] = bytes[i] as number;
    else {
      data.set(dataOf(bytes, chunk), to);
      to += end - chunk.from;
    }
    at = chunk.next;
  }
  return data;
}

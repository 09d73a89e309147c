import { crc32 } from './crc32.ts';
import { exifClaims, xmpClaims } from './exif.ts';
import { ImageError } from './image-error.ts';
import { checkSize, type ImageLimits } from './limits.ts';
import type { OrientationClaim } from './orientation.ts';
import { profileClaims } from './png-profile.ts';

/** A PNG as its chunks describe it, before any pixel is inflated. */
export interface PngFile {
  type: 'PNG';
  width: number;
  height: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha. */
  colourType: number;
  bitDepth: number;
  interlaced: boolean;
  /** The compressed pixels, in order. */
  compressed: Uint8Array[];
  /** The same image in the chunks alone that its pixels need: IHDR, PLTE, tRNS, IDAT, IEND. */
  needed: Uint8Array[];
  claims: OrientationClaim[];
}

export const PNG_SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Bit depths of each colour type (PNG, 11.2.1). */
const DEPTHS: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

/** Each is inflated; files have one or two. */
const MOST_PROFILES = 8;

const damaged = (why: string) => new ImageError(`The PNG is cut off or damaged: ${why}. Use the whole file, or save it anew.`);

interface Chunk {
  name: string;
  data: Uint8Array;
  /** The chunk with its length and checksum. */
  whole: Uint8Array;
  /** Looked at only where it matters. */
  isIntact: () => boolean;
}

/** The chunk at `at`; null where there is none that ends within the file. */
function chunkAt(bytes: Uint8Array, view: DataView, at: number): Chunk | null {
  if (at + 12 > bytes.length) return null;
  const end = at + 12 + view.getUint32(at);
  const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
  if (end > bytes.length || !/^[A-Za-z]{4}$/.test(name)) return null;
  const isIntact = () => crc32(bytes, at + 4, end - 4) === view.getUint32(end - 4);
  return { name, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end), isIntact };
}

/**
 * Reads a PNG's chunks (W3C PNG, sections 5 and 11). Those that the pixels need are checked strictly: order, number, length, checksum.
 * Others never decide whether the file is taken, however damaged; they are left out, after a look at what they say of the orientation.
 *
 * @param bytes that begin with the signature
 * @throws ImageError
 */
export async function readPngFile(bytes: Uint8Array, limits: ImageLimits): Promise<PngFile> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file = headerOf(chunkAt(bytes, view, PNG_SIGNATURE.length), limits);
  let palette: Chunk | undefined;
  let transparency: Chunk | undefined;
  let hasExif = false;
  const profiles = { left: MOST_PROFILES };
  let last = 'IHDR';
  for (let at = PNG_SIGNATURE.length + 25; ; ) {
    const chunk = chunkAt(bytes, view, at);
    if (!chunk)
      throw damaged(at >= bytes.length ? 'it ends before its last chunk, IEND' : `it is cut off, or no chunk begins at byte ${at}`);
    at += chunk.whole.length;
    const { name, data } = chunk;
    const isCritical = name.charCodeAt(0) < 0x60;
    if (!isCritical && name !== 'tRNS') {
      const counts: boolean = name === 'eXIf' && !hasExif && file.compressed.length === 0 && chunk.isIntact();
      hasExif ||= counts;
      file.claims.push(...(await claimsOf(chunk, counts, profiles)));
      last = name;
      continue;
    }
    // What has alpha needs none, and readers leave it out.
    if (name === 'tRNS' && (file.colourType === 4 || file.colourType === 6)) continue;
    if (!chunk.isIntact()) throw damaged(`the checksum of its chunk ${name} is wrong`);
    if (name === 'PLTE') palette = paletteOf(chunk, palette, file);
    else if (name === 'tRNS') transparency = transparencyOf(chunk, transparency, palette, file);
    else if (name === 'IDAT') {
      if (file.compressed.length > 0 && last !== 'IDAT') throw damaged('its pixels (IDAT) are not in one piece');
      if (file.compressed.length === 0 && file.colourType === 3 && !palette) throw damaged('its palette (PLTE) is missing');
      file.compressed.push(data);
    } else if (name === 'IEND') {
      if (data.length > 0) throw damaged('its last chunk, IEND, is not empty');
      if (file.compressed.length === 0) throw damaged('it has no pixels (IDAT)');
      file.needed.push(chunk.whole);
      file.claims.push(...(await claimsBehind(bytes, view, at, profiles)));
      return file;
    } else throw damaged(`it has a chunk ${name}, which a reader must know and no PNG has there`);
    file.needed.push(chunk.whole);
    last = name;
  }
}

function headerOf(chunk: Chunk | null, limits: ImageLimits): PngFile {
  if (chunk?.name !== 'IHDR' || chunk.data.length !== 13) throw damaged('it does not begin with a header (IHDR)');
  const { data } = chunk;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  checkSize({ width, height }, limits);
  if (!chunk.isIntact()) throw damaged('the checksum of its header (IHDR) is wrong');
  const [bitDepth, colourType, compression, filter, interlace] = data.subarray(8) as unknown as [number, number, number, number, number];
  if (!DEPTHS[colourType]?.includes(bitDepth) || compression !== 0 || filter !== 0 || interlace > 1)
    throw damaged(
      `its header has colour type ${colourType} of ${bitDepth} bits, compression ${compression}, filter ${filter}, interlacing ${interlace}, which PNG does not have`,
    );
  return {
    ...({ type: 'PNG', width, height, colourType, bitDepth, interlaced: interlace === 1 } as const),
    ...{ compressed: [], needed: [chunk.whole], claims: [] },
  };
}

function paletteOf(chunk: Chunk, before: Chunk | undefined, file: PngFile): Chunk {
  const entries = chunk.data.length / 3;
  if (before || file.compressed.length > 0) throw damaged('its palette (PLTE) is there twice, or behind the pixels');
  if (file.colourType === 0 || file.colourType === 4) throw damaged('it is grey and has a palette (PLTE)');
  if (!Number.isInteger(entries) || entries < 1 || entries > 256)
    throw damaged(`its palette (PLTE) has ${chunk.data.length} bytes; 1 to 256 colours of three are allowed`);
  return chunk;
}

/** PNG, 11.3.1.1. */
function transparencyOf(chunk: Chunk, before: Chunk | undefined, palette: Chunk | undefined, file: PngFile): Chunk {
  const { length } = chunk.data;
  const isRight =
    file.colourType === 3
      ? palette !== undefined && length >= 1 && length <= palette.data.length / 3
      : length === (file.colourType === 0 ? 2 : 6);
  if (before || file.compressed.length > 0 || !isRight)
    throw damaged('its transparency (tRNS) is there twice, in the wrong place, or of the wrong length');
  return chunk;
}

async function claimsOf({ name, data }: Chunk, counts: boolean, profiles: { left: number }): Promise<OrientationClaim[]> {
  if (name === 'eXIf') return exifClaims(data, counts ? 'its EXIF' : 'EXIF of another place', counts);
  if (name === 'iTXt' && startsWith(data, 'XML:com.adobe.xmp\0')) return xmpClaims(data, 'its XMP');
  if (!['tEXt', 'zTXt', 'iTXt'].includes(name) || !startsWith(data, 'Raw profile type ')) return [];
  profiles.left -= 1;
  if (profiles.left < 0) throw damaged(`it has more than ${MOST_PROFILES} profiles in text chunks`);
  return profileClaims(name, data);
}

/** Some readers look for metadata behind the image's end, too. */
async function claimsBehind(bytes: Uint8Array, view: DataView, end: number, profiles: { left: number }): Promise<OrientationClaim[]> {
  const claims: OrientationClaim[] = [];
  for (let at = end, chunk = chunkAt(bytes, view, at); chunk; chunk = chunkAt(bytes, view, at)) {
    claims.push(...(await claimsOf(chunk, false, profiles)));
    at += chunk.whole.length;
  }
  return claims;
}

const startsWith = (data: Uint8Array, text: string) => [...text].every((character, i) => data[i] === character.charCodeAt(0));

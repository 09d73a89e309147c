import { exifClaims, hasExifHeader, xmpClaims } from './exif.ts';
import { ImageError } from './image-error.ts';
import { inflate } from './inflate.ts';
import { addClaims, type OrientationClaim } from './orientation.ts';
import { type Chunk, dataOf, isIntact } from './png-chunk.ts';

/** Of a text, what is looked at: EXIF's first directory and XMP's description are far before. */
const MOST_TEXT = 512 * 1024;
/** Each is inflated; files have one or two. */
const MOST_TEXTS = 8;
const TEXT_CHUNKS = ['tEXt', 'zTXt', 'iTXt'];
const XMP = 'XML:com.adobe.xmp\0';
const PROFILE = 'Raw profile type ';

/** Collects what a PNG's ancillary chunks say of its orientation. */
export interface ClaimsReader {
  claims: OrientationClaim[];
  /** @param place `behind` the pixels, or the file's end, no reader need look */
  read(chunk: Chunk, place: 'before' | 'behind'): void;
}

/** @throws ImageError from `read`, where more must be inflated than is allowed */
export function claimsReader(bytes: Uint8Array): ClaimsReader {
  const claims: OrientationClaim[] = [];
  let hasExif = false;
  let texts = 0;
  const readText = (name: string, data: Uint8Array, isXmp: boolean): void => {
    if (++texts > MOST_TEXTS)
      throw new ImageError(
        `The PNG has more than ${MOST_TEXTS} profiles in text chunks. Save it anew, without metadata.`,
        'image-too-large',
      );
    const text = textOf(name, data);
    addClaims(claims, isXmp ? xmpClaims(text, 'its XMP') : profileClaims(text));
  };
  return {
    claims,
    read(chunk, place) {
      if (chunk.name !== 'eXIf' && !TEXT_CHUNKS.includes(chunk.name)) return;
      const data = dataOf(bytes, chunk);
      if (chunk.name === 'eXIf') {
        const counts = place === 'before' && !hasExif && isIntact(bytes, chunk) && !hasExifHeader(data);
        hasExif ||= counts;
        addClaims(claims, exifClaims(data, counts ? 'its EXIF' : 'EXIF of another place', counts));
      } else {
        const isXmp = chunk.name === 'iTXt' && startsWith(data, XMP);
        if (isXmp || startsWith(data, PROFILE)) readText(chunk.name, data, isXmp);
      }
    },
  };
}

/**
 * The claims of a text `Raw profile type exif` (or `APP1`, `xmp`), as ImageMagick writes it and Pillow reads it: an empty line, two of name
 * and length, then hexadecimal digits.
 */
function profileClaims(text: Uint8Array): OrientationClaim[] {
  let at = 0;
  for (let line = 0; line < 3; line++) at = text.indexOf(0x0a, at) + 1 || text.length;
  const bytes = fromHex(text.subarray(at));
  const from = 'a profile in its text chunks';
  const exif = exifClaims(bytes, from, false);
  return exif.length > 0 ? exif : xmpClaims(bytes, from);
}

/** What the digits say; anything between them is left out. */
function fromHex(text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  let digits = 0;
  for (const character of text) {
    const small = character | 0x20;
    const value = character >= 0x30 && character <= 0x39 ? character - 0x30 : small >= 0x61 && small <= 0x66 ? small - 0x57 : -1;
    if (value < 0) continue;
    bytes[digits >> 1] = ((bytes[digits >> 1] as number) << 4) | value;
    digits += 1;
  }
  return bytes.subarray(0, digits >> 1);
}

/** What follows the keyword; nothing where it is compressed and damaged or longer. */
function textOf(name: string, data: Uint8Array): Uint8Array {
  let at = data.indexOf(0) + 1;
  const isCompressed = name === 'zTXt' || (name === 'iTXt' && data[at] === 1);
  if (name === 'zTXt') at += 1;
  // Flag and method, then language and translated keyword, each ended by a zero.
  if (name === 'iTXt') at = data.indexOf(0, data.indexOf(0, at + 2) + 1) + 1;
  const text = data.subarray(at);
  if (!isCompressed) return text.subarray(0, MOST_TEXT);
  const inflated = inflate(text, MOST_TEXT);
  return inflated.state === 'whole' ? inflated.bytes : new Uint8Array(0);
}

const startsWith = (data: Uint8Array, text: string) => {
  for (let i = 0; i < text.length; i++) if (data[i] !== text.charCodeAt(i)) return false;
  return true;
};

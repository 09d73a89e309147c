import { exifClaims, xmpClaims } from './exif.ts';
import { inflate } from './inflate.ts';
import type { OrientationClaim } from './orientation.ts';

/** Of a profile, where EXIF's first directory and XMP's description are. */
const MOST_TEXT = 256 * 1024;

/**
 * The claims of a text chunk `Raw profile type exif` (or `APP1`, `xmp`), as ImageMagick writes it and Pillow reads it: two lines of name
 * and length, then hexadecimal digits (an empty line before).
 *
 * @param chunk tEXt, zTXt or iTXt
 */
export async function profileClaims(chunk: string, data: Uint8Array): Promise<OrientationClaim[]> {
  const text = new TextDecoder('latin1').decode(await textOf(chunk, data));
  const digits = text.split('\n').slice(3).join('');
  const bytes = Uint8Array.from(digits.match(/[0-9a-fA-F]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
  const from = 'a profile in its text chunks';
  const exif = exifClaims(bytes.subarray(isExif(bytes) ? 6 : 0), from, false);
  return exif.length > 0 ? exif : xmpClaims(bytes, from);
}

const isExif = (bytes: Uint8Array) => [0x45, 0x78, 0x69, 0x66, 0, 0].every((byte, i) => bytes[i] === byte);

/** What follows the keyword, as far as it can be inflated. */
async function textOf(chunk: string, data: Uint8Array): Promise<Uint8Array> {
  let at = data.indexOf(0) + 1;
  let isCompressed = chunk === 'zTXt';
  if (chunk === 'zTXt') at += 1;
  if (chunk === 'iTXt') {
    isCompressed = data[at] === 1;
    // Flag and method, then language and translated keyword, each ended by a zero.
    at = data.indexOf(0, data.indexOf(0, at + 2) + 1) + 1;
  }
  const text = data.subarray(at);
  if (!isCompressed) return text.subarray(0, MOST_TEXT);
  return (await inflate([text], MOST_TEXT, MOST_TEXT)).bytes;
}

import { exifClaims, xmpClaims } from './exif.ts';
import { ImageError } from './image-error.ts';
import { inflateAsFarAsItGoes } from './inflate.ts';
import { latin1Of, startsWith } from './latin1.ts';
import type { OrientationClaim } from './orientation.ts';

/** Bytes that the compressed profiles of a file may have together: hexadecimal EXIF has 132 KiB at most. A request has many files, and each is inflated. */
const MOST_INFLATED = 256 * 1024;
/** Profiles of a file; files have one or two. */
const MOST_PROFILES = 8;
/** How a text chunk of any kind begins in which Pillow finds EXIF or XMP: with one of these keywords, or the begin of one. */
const KEYWORDS = ['Raw profile type ', 'XML:com.adobe.xmp\0', 'exif\0', 'xmp\0'];

/** A text chunk's name and data. */
export interface TextChunk {
  name: 'tEXt' | 'zTXt' | 'iTXt';
  data: Uint8Array;
}

/**
 * Opens a reader of the orientations that a PNG's text chunks name: EXIF and XMP are stored there, too, and some readers take them.
 *
 * @returns finds the claims of one chunk after the other; throws ImageError where the file's profiles are more than is allowed
 */
export function profileReader(): (chunk: TextChunk) => OrientationClaim[] {
  let [profiles, bytesLeft] = [0, MOST_INFLATED];
  return (chunk) => {
    if (!KEYWORDS.some((keyword) => startsWith(chunk.data, keyword))) return [];
    if (++profiles > MOST_PROFILES) throw tooMuch(`more than ${MOST_PROFILES} profiles in text chunks`);
    const { text, isCompressed } = textOf(chunk);
    const profile = isCompressed ? inflated(text, bytesLeft) : text;
    if (isCompressed) bytesLeft -= profile.length;
    return claimsOf(profile);
  };
}

const tooMuch = (what: string) => new ImageError(`The PNG has ${what}. Save it anew, without metadata.`, 'image-too-large');

/** What follows the keyword; nothing where the chunk ends before. */
function textOf({ name, data }: TextChunk): { text: Uint8Array; isCompressed: boolean } {
  let at = data.indexOf(0) + 1;
  // A flag of 0 or 1; Pillow takes any other for 1.
  const isCompressed = name === 'zTXt' || (name === 'iTXt' && data[at] !== 0);
  if (name === 'zTXt') at += 1;
  // Flag and method, then language and translated keyword, each ended by a zero.
  if (name === 'iTXt') at = data.indexOf(0, data.indexOf(0, at + 2) + 1) + 1;
  return { text: data.subarray(at), isCompressed };
}

/** Inflates a text; nothing where it is damaged. @throws ImageError where it is longer than `most` bytes */
function inflated(text: Uint8Array, most: number): Uint8Array {
  const found = inflateAsFarAsItGoes(text, most);
  if (found.state === 'too-long') throw tooMuch(`profiles of more than ${MOST_INFLATED} bytes in compressed text chunks`);
  return found.state === 'whole' ? found.bytes : new Uint8Array(0);
}

/**
 * Finds the claims of a profile in a text chunk, in each form that some reader takes it in: EXIF as it is, XMP, or either as ImageMagick
 * writes it and Pillow reads it, an empty line, two of name and length, then hexadecimal digits.
 */
function claimsOf(profile: Uint8Array): OrientationClaim[] {
  let at = 0;
  for (let line = 0; line < 3; line++) at = profile.indexOf(0x0a, at) + 1 || profile.length;
  const from = 'a profile in its text chunks';
  return [profile, fromHex(profile.subarray(at))].flatMap((bytes) => [...exifClaims(bytes, from, false), ...xmpClaims(bytes, from)]);
}

/** Reads hexadecimal digits; anything between them is left out. */
function fromHex(text: Uint8Array): Uint8Array {
  return Buffer.from(latin1Of(text).replaceAll(/[^0-9a-fA-F]+/g, ''), 'hex');
}

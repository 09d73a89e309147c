import { inflateLeniently } from '#zlib';
import { ImageError } from '../image.ts';
import { exifClaims, hasExifHeader, latin1Of, startsWith, xmpClaims } from '../metadata.ts';
import { addClaims, type OrientationClaim } from '../orientation.ts';
import { type Chunk, dataOf, isIntact } from './chunk.ts';

/** The most bytes that a file's compressed profiles may inflate to together. Hexadecimal EXIF has at most 132 KiB. */
const MOST_INFLATED = 256 * 1024;
/** The most profiles in a file; usual files have one or two. */
const MOST_PROFILES = 8;
/** Pillow finds EXIF or XMP in text chunks of any kind that begin with one of these keywords, or with the first part of one. */
const KEYWORDS = ['Raw profile type ', 'XML:com.adobe.xmp\0', 'exif\0', 'xmp\0'];

/** Collects what a PNG's ancillary chunks say about its orientation. */
export interface ClaimsReader {
  claims: OrientationClaim[];
  /** Reads a chunk. @param place readers need not look `behind` the pixels or the file's end */
  read(chunk: Chunk, place: 'before' | 'behind'): void;
}

/**
 * Opens a reader of claims for one file.
 *
 * @throws ImageError from `read`, if more must be inflated than is allowed
 */
export function claimsReader(bytes: Uint8Array): ClaimsReader {
  const claims: OrientationClaim[] = [];
  let hasExif = false;
  const readProfile = profileReader();
  return {
    claims,
    read(chunk, place) {
      const { name } = chunk;
      if (name === 'tEXt' || name === 'zTXt' || name === 'iTXt') addClaims(claims, readProfile({ name, data: dataOf(bytes, chunk) }));
      else if (name === 'eXIf') {
        const data = dataOf(bytes, chunk);
        const counts = place === 'before' && !hasExif && isIntact(bytes, chunk) && !hasExifHeader(data);
        hasExif ||= counts;
        addClaims(claims, exifClaims(data, counts ? 'its EXIF' : 'EXIF of another place', counts));
      }
    },
  };
}

/** A text chunk's name and data. */
interface TextChunk {
  name: 'tEXt' | 'zTXt' | 'iTXt';
  data: Uint8Array;
}

/**
 * Opens a reader of the orientations in a PNG's text chunks: these may hold EXIF and XMP too, and some readers use them.
 *
 * @returns a function that finds the claims of one chunk after the other; throws ImageError if the file's profiles exceed a limit
 */
function profileReader(): (chunk: TextChunk) => OrientationClaim[] {
  let [profiles, bytesLeft] = [0, MOST_INFLATED];
  return (chunk) => {
    if (!KEYWORDS.some((keyword) => startsWith(chunk.data, keyword))) return [];
    if (++profiles > MOST_PROFILES) throw tooMuch(`more than ${MOST_PROFILES} profiles in text chunks, the most that is allowed`);
    const { text, isCompressed } = textOf(chunk);
    const profile = isCompressed ? inflated(text, bytesLeft) : text;
    if (isCompressed) bytesLeft -= profile.length;
    return claimsOf(profile);
  };
}

const tooMuch = (what: string) => new ImageError(`The PNG has ${what}. Save it again, without metadata.`, 'image-too-large');

/** Returns what follows the keyword; nothing if the chunk ends before. */
function textOf({ name, data }: TextChunk): { text: Uint8Array; isCompressed: boolean } {
  let at = data.indexOf(0) + 1;
  // A flag of 0 or 1; Pillow takes any other for 1.
  const isCompressed = name === 'zTXt' || (name === 'iTXt' && data[at] !== 0);
  if (name === 'zTXt') at += 1;
  // Flag and method, then language and translated keyword, each ended by a zero.
  if (name === 'iTXt') at = data.indexOf(0, data.indexOf(0, at + 2) + 1) + 1;
  return { text: data.subarray(at), isCompressed };
}

/** Inflates a text; returns nothing if it is damaged. @throws ImageError if it is longer than `most` bytes */
function inflated(text: Uint8Array, most: number): Uint8Array {
  const found = inflateLeniently(text, most);
  if (found.state === 'too-long')
    throw tooMuch(`profiles of more than ${MOST_INFLATED} bytes in compressed text chunks, the most that is allowed`);
  return found.state === 'whole' ? found.bytes : new Uint8Array(0);
}

/**
 * Finds the claims of a profile in a text chunk, in each form that some reader accepts: raw EXIF, XMP, or either in the form that
 * ImageMagick writes and Pillow reads: an empty line, a line with the name, one with the length, then hexadecimal digits.
 */
function claimsOf(profile: Uint8Array): OrientationClaim[] {
  let at = 0;
  for (let line = 0; line < 3; line++) at = profile.indexOf(0x0a, at) + 1 || profile.length;
  const from = 'a profile in its text chunks';
  return [profile, fromHex(profile.subarray(at))].flatMap((bytes) => [...exifClaims(bytes, from, false), ...xmpClaims(bytes, from)]);
}

/** Reads hexadecimal digits; skips anything between them. */
function fromHex(text: Uint8Array): Uint8Array {
  return Buffer.from(latin1Of(text).replaceAll(/[^0-9a-fA-F]+/g, ''), 'hex');
}

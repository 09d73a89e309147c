import { ImageError } from '../image.ts';
import { checkSize, type ImageLimits } from '../limits.ts';
import { exifClaims, latin1Of, startsWith, xmpClaims } from '../metadata.ts';
import { addClaims, type OrientationClaim } from '../orientation.ts';
import { checkReducedSize } from '../reduced-size.ts';
import { type Bitstream, bitstreamOf, damaged } from './bitstream.ts';

/** A WebP as its chunks describe it, before anything is decoded. */
export interface WebpFile extends Bitstream {
  /** True if some pixels may not be opaque. */
  transparent: boolean;
  /** The chunks that its pixels need: ALPH, if there is one, and VP8 or VP8L. */
  needed: Uint8Array[];
  claims: OrientationClaim[];
}

/** A chunk: its name, the position of its header, and its data. */
interface Chunk {
  name: string;
  start: number;
  next: number;
  data: Uint8Array;
}

/** Flags of VP8X (RFC 9649, 2.7.1). */
const [ANIMATION, EXIF, ALPHA] = [0x02, 0x08, 0x10];

/** libwebp decodes some 12 megapixels of lossy WebP in a tenth of a second, and 18 MB of it in a second: these keep it within a quarter. */
const MAX_LOSSY_PIXELS = 12 * 1024 * 1024;
const MAX_LOSSY_BYTES = 1.75 * 1024 * 1024;

/** The most chunks; usual files have up to six. */
const MOST_CHUNKS = 256;

/** Says whether bytes begin as a WebP. */
export const isWebp = (bytes: Uint8Array): boolean => startsWith(bytes, 'RIFF') && startsWith(bytes.subarray(8), 'WEBP');

/**
 * Reads a WebP's chunks (RFC 9649, section 2). A file that two readers could take for two pictures is refused: one with bytes behind its
 * end, two images, an alpha channel that its header denies, or frames of an animation.
 *
 * @param bytes a file that begins as a WebP
 * @throws ImageError
 */
export function readWebpFile(bytes: Uint8Array, limits: ImageLimits): WebpFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 12 ? 0 : view.getUint32(4, true);
  if (size !== bytes.length - 8) throw damaged(`its header says that ${size} bytes follow, but ${bytes.length - 8} do`);
  const first = chunkAt(view, bytes, 12);
  const file = first.name === 'VP8X' ? extended(view, bytes, first) : plain(first, bytes);
  if (file.lossy) checkLossy(file, limits);
  else checkSize(file, limits);
  return file;
}

/** Returns the chunk at a position. @throws ImageError if none ends within the file */
function chunkAt(view: DataView, bytes: Uint8Array, start: number): Chunk {
  const length = start + 8 <= bytes.length ? view.getUint32(start + 4, true) : Number.POSITIVE_INFINITY;
  const next = start + 8 + length + (length & 1);
  if (next > bytes.length) throw damaged(`the chunk at byte ${start} does not end within it`);
  return { name: latin1Of(bytes.subarray(start, start + 4)), start, next, data: bytes.subarray(start + 8, start + 8 + length) };
}

/** Reads a file of one chunk. */
function plain(chunk: Chunk, bytes: Uint8Array): WebpFile {
  const image = bitstreamOf(chunk.name, chunk.data);
  if (!image) throw damaged(`it begins with a chunk ${shown(chunk.name)} in place of VP8, VP8L or VP8X`);
  if (chunk.next < bytes.length) throw damaged('it has chunks behind its pixels, which need a header (VP8X)');
  return { ...image, transparent: image.alphaBit, needed: [bytes.subarray(chunk.start)], claims: [] };
}

/** Reads a file of a header and more chunks. Those that the pixels do not need are left out. */
function extended(view: DataView, bytes: Uint8Array, header: Chunk): WebpFile {
  if (header.data.length !== 10) throw damaged('its header (VP8X) does not have 10 bytes');
  const flags = header.data[0] as number;
  if (flags & ANIMATION) throw animated();
  const claims: OrientationClaim[] = [];
  let image: (Bitstream & Chunk) | undefined;
  let alpha: Chunk | undefined;
  let hasExif = false;
  for (let [at, chunks] = [header.next, 1]; at < bytes.length; chunks++) {
    if (chunks >= MOST_CHUNKS)
      throw new ImageError(`The WebP has more than ${MOST_CHUNKS} chunks, the most that is allowed. Save it again.`, 'image-too-large');
    const chunk = chunkAt(view, bytes, at);
    at = chunk.next;
    const found = bitstreamOf(chunk.name, chunk.data);
    if (found) {
      if (image) throw damaged('it has two images');
      image = { ...found, ...chunk };
    } else if (chunk.name === 'ALPH') {
      if (alpha || image) throw damaged('its alpha channel (ALPH) is there twice, or behind its pixels');
      alpha = chunk;
    } else if (chunk.name === 'VP8X') throw damaged('it has two headers (VP8X)');
    else if (chunk.name === 'ANIM' || chunk.name === 'ANMF') throw animated();
    else if (chunk.name === 'EXIF') {
      const counts = (flags & EXIF) !== 0 && image !== undefined && !hasExif;
      hasExif = true;
      addClaims(claims, exifClaims(chunk.data, counts ? 'its EXIF' : 'EXIF of another place', counts));
    } else if (chunk.name === 'XMP ') addClaims(claims, xmpClaims(chunk.data, 'its XMP'));
  }
  if (!image) throw damaged('it has no pixels');
  const side = (from: number) => 1 + (view.getUint16(header.start + 8 + from, true) | ((header.data[from + 2] as number) << 16));
  if (side(4) !== image.width || side(7) !== image.height) throw damaged('its header (VP8X) gives another size than its pixels have');
  if (alpha && !image.lossy) throw damaged('it has an alpha channel (ALPH) beside lossless pixels, which have their own');
  const transparent = alpha !== undefined || image.alphaBit;
  if (transparent && !(flags & ALPHA)) throw damaged('it has an alpha channel that its header (VP8X) denies');
  const { width, height, lossy, alphaBit } = image;
  const needed = [alpha, image].flatMap((chunk) => (chunk ? [bytes.subarray(chunk.start, chunk.next)] : []));
  return { width, height, lossy, alphaBit, transparent, needed, claims };
}

/** Checks the size of a lossy WebP; one with an alpha channel is decoded whole. @throws ImageError `image-too-large` */
function checkLossy(file: WebpFile, limits: ImageLimits): void {
  if (file.transparent) checkSize(file, limits);
  else checkReducedSize('lossy WebP', file, Math.min(limits.maxJpegPixels, MAX_LOSSY_PIXELS), limits);
  const length = file.needed.reduce((sum, part) => sum + part.length, 0);
  if (length > MAX_LOSSY_BYTES)
    throw new ImageError(
      `The pixels of the lossy WebP take ${length} bytes; at most ${MAX_LOSSY_BYTES} are allowed, because it decodes slowly. ` +
        'Save it at a lower quality, smaller, or as JPEG.',
      'image-too-large',
    );
}

const animated = () =>
  new ImageError('The WebP is animated, which is not read: readers show different pictures of it. Save one frame of it.');

const shown = (name: string) => JSON.stringify(name.replace(/[^ -~]/g, '?'));

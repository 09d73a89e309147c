import type { OrientationClaim } from './orientation.ts';

/** Says whether bytes begin with a Latin-1 text; looks at no more of them than it needs. */
export function startsWith(bytes: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Decodes bytes as Latin-1, one character each, several times as fast as TextDecoder. */
export const latin1Of = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

const ORIENTATION = 0x0112;
const SHORT = 3;
const LITTLE = 0x4949;
const BIG = 0x4d4d;

/** The header before the block in a JPEG, and, by mistake, in some PNGs. */
const EXIF_HEADER = [0x45, 0x78, 0x69, 0x66, 0, 0];

/** An orientation that a reader may find in an EXIF block; `proper` if block and entry follow EXIF. */
interface Reading {
  orientation: number;
  proper: boolean;
}

const isTurn = (value: number) => value >= 1 && value <= 8;

/** Says whether the bytes begin with `Exif\0\0`. */
export const hasExifHeader = (bytes: Uint8Array): boolean => EXIF_HEADER.every((byte, i) => bytes[i] === byte);

/**
 * Finds every orientation that some reader may find in an EXIF block: TIFF form (EXIF 2.32, 4.5), byte order, 42, the first directory's
 * entries 0x0112, each one SHORT. If a header or an entry differs, careless readers take a number from there all the same.
 *
 * @param exif the block, with or without `Exif\0\0` before it
 * @returns each reading once, that of the first entry first
 */
function exifReadings(exif: Uint8Array): Reading[] {
  const block = exif.subarray(hasExifHeader(exif) ? EXIF_HEADER.length : 0);
  if (block.byteLength < 8) return [];
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const mark = view.getUint16(0);
  const orders = mark === LITTLE ? [true] : mark === BIG ? [false] : [true, false];
  const readings: Reading[] = [];
  for (const little of orders) readDirectory(view, little, orders.length === 1 && view.getUint16(2, little) === 42, readings);
  return readings;
}

function readDirectory(view: DataView, little: boolean, isTiff: boolean, readings: Reading[]): void {
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return;
  const add = (orientation: number, proper: boolean) => {
    if (!readings.some((reading) => reading.orientation === orientation && reading.proper === proper))
      readings.push({ orientation, proper });
  };
  const count = Math.min(view.getUint16(directory, little), Math.floor((view.byteLength - directory - 2) / 12));
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const isShort = view.getUint16(entry + 2, little) === SHORT && view.getUint32(entry + 4, little) === 1;
    const short = view.getUint16(entry + 8, little);
    // Every reader takes a value that is no orientation as 1.
    if (isShort) add(isTurn(short) ? short : 1, isTiff && readings.length === 0);
    else for (const value of [short, view.getUint32(entry + 8, little), view.getUint8(entry + 8)]) if (isTurn(value)) add(value, false);
  }
}

/**
 * Returns the claims of an EXIF block.
 *
 * @param exif the block, with or without `Exif\0\0` before it
 * @param counts whether it is the first one, in its proper place and form
 */
export function exifClaims(exif: Uint8Array, from: string, counts: boolean): OrientationClaim[] {
  return exifReadings(exif).map(({ orientation, proper }) => ({
    orientation,
    from: proper ? from : `${from}, whose form is not right,`,
    counts: counts && proper,
  }));
}

/** An attribute or an element, under whatever prefix `http://ns.adobe.com/tiff/1.0/` has. */
const NAME = ':Orientation';
const VALUE = /(?:\s*=\s*["']|\s*>)\s*([0-9]{1,9})/y;

/** Returns the claims of an XMP packet (tiff:Orientation), each once; not every reader looks there. */
export function xmpClaims(packet: Uint8Array, from: string): OrientationClaim[] {
  const text = latin1Of(packet).replaceAll('\0', '');
  const found = new Set<number>();
  for (let at = text.indexOf(NAME); at >= 0; at = text.indexOf(NAME, at + NAME.length)) {
    VALUE.lastIndex = at + NAME.length;
    const value = Number(VALUE.exec(text)?.[1] ?? Number.NaN);
    if (!Number.isNaN(value)) found.add(isTurn(value) ? value : 1);
  }
  return [...found].map((orientation) => ({ orientation, from, counts: false }));
}

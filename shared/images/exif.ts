import type { OrientationClaim } from './orientation.ts';

const ORIENTATION = 0x0112;
const SHORT = 3;
const LITTLE = 0x4949;
const BIG = 0x4d4d;

/** An orientation as a reader may find it in an EXIF block; `proper` where the block and the entry are as EXIF has them. */
interface Reading {
  orientation: number;
  proper: boolean;
}

const isTurn = (value: number) => value >= 1 && value <= 8;

/**
 * Finds every orientation that some reader may find in an EXIF block: TIFF form (EXIF 2.32, 4.5), byte order, 42, the first directory's
 * entries 0x0112, each one SHORT. Where a header or an entry is otherwise, careless readers take a number from there all the same.
 *
 * @param exif the block behind `Exif\0\0`
 */
export function exifReadings(exif: Uint8Array): Reading[] {
  if (exif.byteLength < 8) return [];
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const mark = view.getUint16(0);
  const orders = mark === LITTLE ? [true] : mark === BIG ? [false] : [true, false];
  return orders.flatMap((little) => {
    const isTiff = orders.length === 1 && view.getUint16(2, little) === 42;
    return directoryReadings(view, little).map(({ orientation, proper }) => ({ orientation, proper: proper && isTiff }));
  });
}

function directoryReadings(view: DataView, little: boolean): Reading[] {
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return [];
  const readings: Reading[] = [];
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > view.byteLength) break;
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const isShort = view.getUint16(entry + 2, little) === SHORT && view.getUint32(entry + 4, little) === 1;
    const short = view.getUint16(entry + 8, little);
    // Values that are no orientation count as 1, as everybody takes them.
    if (isShort) readings.push({ orientation: isTurn(short) ? short : 1, proper: readings.length === 0 });
    else
      for (const value of [short, view.getUint32(entry + 8, little), view.getUint8(entry + 8)])
        if (isTurn(value)) readings.push({ orientation: value, proper: false });
  }
  return readings;
}

/**
 * The claims of an EXIF block.
 *
 * @param counts whether it is the first one, in its proper place
 */
export function exifClaims(exif: Uint8Array, from: string, counts: boolean): OrientationClaim[] {
  return exifReadings(exif).map(({ orientation, proper }) => ({
    orientation,
    from: proper ? from : `${from}, whose form is not right,`,
    counts: counts && proper,
  }));
}

/** As an attribute or as an element, under whatever prefix `http://ns.adobe.com/tiff/1.0/` has. */
const IN_XMP = /:Orientation(?:\s*=\s*["']|\s*>)\s*([0-9]{1,9})/g;

/** The claims of an XMP packet (tiff:Orientation); not every reader looks there. */
export function xmpClaims(packet: Uint8Array, from: string): OrientationClaim[] {
  const text = new TextDecoder('latin1').decode(packet).replaceAll('\0', '');
  return [...text.matchAll(IN_XMP)].map(([, digits]) => ({
    orientation: isTurn(Number(digits)) ? Number(digits) : 1,
    from,
    counts: false,
  }));
}

import { ImageError } from '../image.ts';
import type { ImageLimits } from '../limits.ts';
import { exifClaims, hasExifHeader, startsWith, xmpClaims } from '../metadata.ts';
import { addClaims, type OrientationClaim } from '../orientation.ts';
import { checkReducedSize } from '../reduced-size.ts';
import { checkCoefficients, maxCoefficients } from './cost.ts';
import { damaged, type Frame, frameOf, scanOf, unread } from './frame.ts';

/** A JPEG as its segments describe it, before anything is decoded. */
export interface JpegFile {
  width: number;
  height: number;
  /** 1 grey, 3 colour. */
  components: number;
  scans: number;
  /** Position of its end marker. */
  end: number;
  claims: OrientationClaim[];
}

const EXIF = 'Exif\0';
const XMP = 'http://ns.adobe.com/xap/1.0/\0';

/**
 * Reads a JPEG's segments up to its end marker (ITU T.81, annex B), and adds up the cost of its scans.
 *
 * @param bytes a file that begins with the start marker
 * @throws ImageError if the file is not whole, is of a kind that is not read, or its scans cost more than is allowed
 */
export function readJpegFile(bytes: Uint8Array, limits: ImageLimits): JpegFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claims: OrientationClaim[] = [];
  let frame: Frame | undefined;
  const exifBlocks: Uint8Array[] = [];
  let [scans, cost] = [0, 0];
  for (let at = 2; ; ) {
    if (at + 1 >= bytes.length) throw damaged('it ends before its end marker');
    if (bytes[at] !== 0xff) throw damaged(`no segment begins at byte ${at}`);
    const marker = bytes[at + 1] as number;
    if (marker === 0xff) at += 1;
    else if (marker === 0xd9) {
      if (!frame || scans === 0) throw damaged('it has no pixels');
      // Pillow joins a block that is in several segments.
      if (exifBlocks.length > 1) addClaims(claims, exifClaims(Buffer.concat(exifBlocks), 'its EXIF in several segments', false));
      const { width, height, components } = frame;
      return { width, height, components: components.length, scans, end: at, claims };
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else {
      const length = at + 3 < bytes.length ? view.getUint16(at + 2) : 0;
      const next = at + 2 + length;
      if (marker === 0xd8 || marker === 0 || length < 2) throw damaged(`the segment at byte ${at} is not valid`);
      if (next > bytes.length) throw damaged('it ends before its end marker');
      const from = at + 4;
      at = next;
      if (marker === 0xda) {
        const scan = scanOf(bytes.subarray(from, next), frame);
        if (scan.kept) checkCoefficients(frame as Frame);
        cost += scan.cost;
        scans += 1;
        checkScans(scans, cost, frame as Frame, limits);
        at = endOfScan(bytes, at);
      } else if (marker === 0xdd) {
        if (length !== 4) throw damaged('its restart interval is not valid');
      } else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
        if (frame) throw damaged('it has two frames');
        frame = frameOf(marker, bytes.subarray(from, next));
        checkReducedSize('JPEG', frame, limits.maxJpegPixels, limits);
      } else if (marker === 0xdc) throw unread('of a height that is given after its pixels');
      else if (marker === 0xde || marker === 0xdf) throw unread('of several frames');
      else if (marker === 0xe1) {
        const data = bytes.subarray(from, next);
        if (startsWith(data, EXIF)) {
          const block = data.subarray(6);
          const counts = exifBlocks.push(block) === 1 && !frame && hasExifHeader(data);
          addClaims(claims, exifClaims(block, counts ? 'its EXIF' : 'EXIF of another place', counts));
        } else if (startsWith(data, XMP)) addClaims(claims, xmpClaims(data, 'its XMP'));
      }
    }
  }
}

function checkScans(scans: number, cost: number, frame: Frame, limits: ImageLimits): void {
  if (scans > limits.maxScans)
    throw new ImageError(
      `The JPEG has more than ${limits.maxScans} scans, the most that is allowed. Save it as an ordinary (baseline) JPEG.`,
      'image-too-large',
    );
  if (cost > maxCoefficients(frame))
    throw new ImageError(
      `The JPEG's ${scans} scans go through its pixels more often than is allowed (${maxCoefficients(frame)} coefficients). ` +
        'Save it as an ordinary (baseline) JPEG.',
      'image-too-large',
    );
}

/** Returns the position of the next marker that does not belong to the scan, as stuffed zeros, restarts and fill bytes do. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const marker = bytes[at + 1] as number;
    if (marker !== 0 && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd7)) return at;
  }
  return bytes.length;
}

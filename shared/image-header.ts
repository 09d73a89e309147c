/**
 * What a PNG or JPEG says of itself before any pixel is decoded, so that what is too large is refused while that is cheap.
 */
export interface ImageHeader {
  type: 'png' | 'jpeg';
  width: number;
  height: number;
  /** EXIF orientation, 1 to 8; 1 where the file has none. */
  orientation: number;
}

/** The bytes are no PNG or JPEG that can be read; the message says why. */
export class ImageHeaderError extends Error {
  override name = 'ImageHeaderError';
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const isPng = (bytes: Uint8Array) => PNG_SIGNATURE.every((byte, i) => bytes[i] === byte);
const isJpeg = (bytes: Uint8Array) => bytes[0] === 0xff && bytes[1] === 0xd8;

/** Whether the bytes begin as a PNG or a JPEG does. */
export function isImageFile(bytes: Uint8Array): boolean {
  return isPng(bytes) || isJpeg(bytes);
}

/** @throws ImageHeaderError where the bytes are neither, end before the dimensions, or are of a kind that is not read */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isPng(bytes)) return pngHeader(view);
  if (isJpeg(bytes)) return jpegHeader(view);
  throw new ImageHeaderError('the bytes are neither a PNG nor a JPEG');
}

/** PNG 1.2, section 3: IHDR comes first and begins with width and height. EXIF is in an `eXIf` chunk (1.2 extension, 1.5.0). */
function pngHeader(view: DataView): ImageHeader {
  if (view.byteLength < 33 || view.getUint32(12) !== 0x49484452)
    throw new ImageHeaderError('the PNG has no IHDR chunk; the file is cut off or damaged');
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  let orientation = 1;
  for (let at = 8; at + 12 <= view.byteLength; ) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x65584966) orientation = exifOrientation(view, at + 8, Math.min(at + 8 + length, view.byteLength));
    at += 12 + length;
  }
  return sized({ type: 'png', width, height, orientation });
}

/** ITU T.81: segments of marker and length; the frame header (SOF0 to SOF15 but DHT, JPG, DAC) has height and width. */
function jpegHeader(view: DataView): ImageHeader {
  let orientation = 1;
  for (let at = 2; at + 4 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) throw new ImageHeaderError('the JPEG is damaged: a segment does not begin with a marker');
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = view.getUint16(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && at + 10 <= view.byteLength) {
      const components = view.getUint8(at + 9);
      // Four are CMYK or YCCK, whose colours depend on a profile and, in many files, on an inversion that nothing tells.
      if (components !== 1 && components !== 3)
        throw new ImageHeaderError(
          `the JPEG has ${components} components (CMYK where they are 4); only grey and colour (YCbCr or RGB) are read: save it as RGB`,
        );
      return sized({ type: 'jpeg', width: view.getUint16(at + 7), height: view.getUint16(at + 5), orientation });
    }
    const isExif = marker === 0xe1 && at + 10 <= view.byteLength && view.getUint32(at + 4) === 0x45786966;
    if (isExif) orientation = exifOrientation(view, at + 10, Math.min(at + 2 + length, view.byteLength));
    if (marker === 0xda || length < 2) break;
    at += 2 + length;
  }
  throw new ImageHeaderError('the JPEG has no frame header; the file is cut off or damaged');
}

function sized(header: ImageHeader): ImageHeader {
  if (header.width < 1 || header.height < 1)
    throw new ImageHeaderError(`the image is ${header.width} x ${header.height}; it has no pixels`);
  return header;
}

/** EXIF 2.3 in TIFF form: byte order, 42, first directory; entry 0x0112 of type SHORT. 1 where there is none or it is damaged. */
function exifOrientation(view: DataView, from: number, to: number): number {
  if (from + 8 > to) return 1;
  const little = view.getUint16(from) === 0x4949;
  const directory = from + view.getUint32(from + 4, little);
  if (directory + 2 > to) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > to) return 1;
    if (view.getUint16(entry, little) !== 0x0112) continue;
    const orientation = view.getUint16(entry + 8, little);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
  }
  return 1;
}

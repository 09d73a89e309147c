import type { ImageFormat } from './format.ts';
import { jpeg } from './jpeg/jpeg.ts';
import { png } from './png/png.ts';
import { webp } from './webp/webp.ts';

/** Every format that is read. Decoders, content types, the API's description and messages follow this list. */
export const FORMATS: readonly ImageFormat[] = [png, jpeg, webp];

const listed = (type: Intl.ListFormatType) => new Intl.ListFormat('en-GB', { type }).format(FORMATS.map(({ name }) => name));

/** The formats in messages: `PNG, JPEG or WebP`. */
export const ANY_FORMAT = listed('disjunction');
/** The formats in messages: `PNG, JPEG and WebP`. */
export const ALL_FORMATS = listed('conjunction');

/** Returns the format whose signature the bytes begin with; undefined if none is read. */
export const formatOf = (bytes: Uint8Array): ImageFormat | undefined => FORMATS.find(({ hasSignature }) => hasSignature(bytes));

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** Says whether each of the first bytes is one of those that are allowed in its place. */
const beginsWith = (bytes: Uint8Array, ...allowed: number[][]) => allowed.every((values, i) => values.includes(bytes[i] as number));

/** Says whether an ISO base media file (HEIF, video) has one of these major brands. */
const isBranded = (bytes: Uint8Array, brand: RegExp) => ascii(bytes, 4, 8) === 'ftyp' && brand.test(ascii(bytes, 8, 12));

/** A format that is not read: its name, and how a file is converted. */
interface OtherFormat {
  name: string;
  convert: string;
  hasSignature(bytes: Uint8Array): boolean;
}

const magick = (extension: string) => `magick "image.${extension}[0]" image.png`;

/** Formats that are not read, so that a message can name the format and say what to do. */
const OTHERS: OtherFormat[] = [
  { name: 'GIF', convert: magick('gif'), hasSignature: (bytes) => /^GIF8[79]a$/.test(ascii(bytes, 0, 6)) },
  { name: 'BMP', convert: magick('bmp'), hasSignature: (bytes) => ascii(bytes, 0, 2) === 'BM' },
  { name: 'TIFF', convert: magick('tif'), hasSignature: (bytes) => /^(II[*+]\0|MM\0[*+])$/.test(ascii(bytes, 0, 4)) },
  { name: 'AVIF', convert: magick('avif'), hasSignature: (bytes) => isBranded(bytes, /^avi[fs]$/) },
  {
    name: 'HEIC',
    convert: 'heif-convert photo.heic photo.jpg, or let the phone take JPEGs (iPhone: Settings, Camera, Formats, Most Compatible)',
    hasSignature: (bytes) => isBranded(bytes, /^(hei[cmsx]|hev[cmsx]|m[is]f1)$/),
  },
  { name: 'video', convert: 'ffmpeg -i video.mp4 -frames:v 1 image.png', hasSignature: (bytes) => isBranded(bytes, /./) },
  {
    name: 'JPEG XL',
    convert: 'djxl image.jxl image.png',
    hasSignature: (bytes) => (bytes[0] === 0xff && bytes[1] === 0x0a) || ascii(bytes, 4, 8) === 'JXL ',
  },
  {
    name: 'JPEG 2000',
    convert: magick('jp2'),
    hasSignature: (bytes) => ascii(bytes, 4, 8) === 'jP  ' || ascii(bytes, 0, 4) === '\xff\x4f\xff\x51',
  },
  { name: 'PNM', convert: magick('ppm'), hasSignature: (bytes) => /^P[1-7Ff][\s#]/.test(ascii(bytes, 0, 3)) },
  { name: 'ICO', convert: magick('ico'), hasSignature: (bytes) => beginsWith(bytes, [0], [0], [1, 2], [0]) && bytes[4] !== 0 },
  { name: 'DDS', convert: magick('dds'), hasSignature: (bytes) => ascii(bytes, 0, 4) === 'DDS ' },
  { name: 'OpenEXR', convert: magick('exr'), hasSignature: (bytes) => beginsWith(bytes, [0x76], [0x2f], [0x31], [1]) },
  { name: 'PCX', convert: magick('pcx'), hasSignature: (bytes) => beginsWith(bytes, [10], [0, 2, 3, 4, 5], [1], [1, 2, 4, 8]) },
  { name: 'SGI', convert: magick('sgi'), hasSignature: (bytes) => beginsWith(bytes, [1], [0xda], [0, 1], [1, 2]) },
  { name: 'PDF', convert: 'pdftoppm -r 150 -png file.pdf page', hasSignature: (bytes) => ascii(bytes, 0, 5) === '%PDF-' },
  {
    name: 'SVG',
    convert: 'rsvg-convert image.svg -o image.png',
    hasSignature: (bytes) => /^\s*(<\?xml[^>]*>\s*)?<svg/.test(ascii(bytes, 0, 256)),
  },
];

/** Returns the name of the format that the bytes begin like, whether it is read or not; null if it is unknown. */
export function kindOfFile(bytes: Uint8Array): string | null {
  return [...FORMATS, ...OTHERS].find(({ hasSignature }) => hasSignature(bytes))?.name ?? null;
}

/** Returns a command that converts a file of a kind that is not read; undefined if none is known. */
export const conversionOf = (kind: string): string | undefined => OTHERS.find(({ name }) => name === kind)?.convert;

/** Says why a file of no format that is read is refused, and what to do. */
export function notRead(bytes: Uint8Array): string {
  if (bytes.length === 0) return `The file is empty; only ${ALL_FORMATS} are read. Save it again.`;
  const other = OTHERS.find(({ hasSignature }) => hasSignature(bytes));
  const [kind, advice] = other
    ? [`the kind ${other.name}`, `Convert it, for example with: ${other.convert}.`]
    : ['an unknown kind', 'Save it as one of these.'];
  return `The file is of ${kind}; only ${ALL_FORMATS} are read. ${advice}`;
}

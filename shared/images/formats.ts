import type { ImageFormat } from './format.ts';
import { jpeg } from './jpeg/jpeg.ts';
import { png } from './png/png.ts';

/** Every format that is read. Decoders, content types, the API's description and messages follow this list. */
export const FORMATS: readonly ImageFormat[] = [png, jpeg];

const listed = (type: Intl.ListFormatType) => new Intl.ListFormat('en-GB', { type }).format(FORMATS.map(({ name }) => name));

/** The formats in messages: `PNG or JPEG`. */
export const ANY_FORMAT = listed('disjunction');
/** The formats in messages: `PNG and JPEG`. */
export const ALL_FORMATS = listed('conjunction');

/** Returns the format whose signature the bytes begin with; undefined if none is read. */
export const formatOf = (bytes: Uint8Array): ImageFormat | undefined => FORMATS.find(({ hasSignature }) => hasSignature(bytes));

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** Says whether each of the first bytes is one of those that are allowed in its place. */
const beginsWith = (bytes: Uint8Array, ...allowed: number[][]) => allowed.every((values, i) => values.includes(bytes[i] as number));

/** Signatures of formats that are not read, so that a message can name the format. */
const OTHERS: { name: string; hasSignature(bytes: Uint8Array): boolean }[] = [
  { name: 'WebP', hasSignature: (bytes) => ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP' },
  { name: 'GIF', hasSignature: (bytes) => /^GIF8[79]a$/.test(ascii(bytes, 0, 6)) },
  { name: 'BMP', hasSignature: (bytes) => ascii(bytes, 0, 2) === 'BM' },
  { name: 'TIFF', hasSignature: (bytes) => /^(II[*+]\0|MM\0[*+])$/.test(ascii(bytes, 0, 4)) },
  { name: 'HEIC or AVIF', hasSignature: (bytes) => ascii(bytes, 4, 8) === 'ftyp' },
  { name: 'JPEG XL', hasSignature: (bytes) => (bytes[0] === 0xff && bytes[1] === 0x0a) || ascii(bytes, 4, 8) === 'JXL ' },
  { name: 'JPEG 2000', hasSignature: (bytes) => ascii(bytes, 4, 8) === 'jP  ' || ascii(bytes, 0, 4) === '\xff\x4f\xff\x51' },
  { name: 'PNM', hasSignature: (bytes) => /^P[1-7Ff][\s#]/.test(ascii(bytes, 0, 3)) },
  { name: 'ICO', hasSignature: (bytes) => beginsWith(bytes, [0], [0], [1, 2], [0]) && bytes[4] !== 0 },
  { name: 'DDS', hasSignature: (bytes) => ascii(bytes, 0, 4) === 'DDS ' },
  { name: 'OpenEXR', hasSignature: (bytes) => beginsWith(bytes, [0x76], [0x2f], [0x31], [1]) },
  { name: 'PCX', hasSignature: (bytes) => beginsWith(bytes, [10], [0, 2, 3, 4, 5], [1], [1, 2, 4, 8]) },
  { name: 'SGI', hasSignature: (bytes) => beginsWith(bytes, [1], [0xda], [0, 1], [1, 2]) },
  { name: 'PDF', hasSignature: (bytes) => ascii(bytes, 0, 5) === '%PDF-' },
  { name: 'SVG', hasSignature: (bytes) => /^\s*(<\?xml[^>]*>\s*)?<svg/.test(ascii(bytes, 0, 256)) },
];

/** Returns the name of the format that the bytes begin like, whether it is read or not; null if it is unknown. */
export function kindOfFile(bytes: Uint8Array): string | null {
  return [...FORMATS, ...OTHERS].find(({ hasSignature }) => hasSignature(bytes))?.name ?? null;
}

import { PNG_SIGNATURE } from './png-file.ts';

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** Says whether each of the first bytes is one of those that are allowed in its place. */
const beginsWith = (bytes: Uint8Array, ...allowed: number[][]) => allowed.every((values, i) => values.includes(bytes[i] as number));

/** File signatures: of the kinds that are read, and of others that people have. */
const KINDS: [kind: string, fits: (bytes: Uint8Array) => boolean][] = [
  ['PNG', (bytes) => PNG_SIGNATURE.every((byte, i) => bytes[i] === byte)],
  ['JPEG', (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8],
  ['WebP', (bytes) => ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP'],
  ['GIF', (bytes) => /^GIF8[79]a$/.test(ascii(bytes, 0, 6))],
  ['BMP', (bytes) => ascii(bytes, 0, 2) === 'BM'],
  ['TIFF', (bytes) => /^(II[*+]\0|MM\0[*+])$/.test(ascii(bytes, 0, 4))],
  ['HEIC or AVIF', (bytes) => ascii(bytes, 4, 8) === 'ftyp'],
  ['JPEG XL', (bytes) => (bytes[0] === 0xff && bytes[1] === 0x0a) || ascii(bytes, 4, 8) === 'JXL '],
  ['JPEG 2000', (bytes) => ascii(bytes, 4, 8) === 'jP  ' || ascii(bytes, 0, 4) === '\xff\x4f\xff\x51'],
  ['PNM', (bytes) => /^P[1-7Ff][\s#]/.test(ascii(bytes, 0, 3))],
  ['ICO', (bytes) => beginsWith(bytes, [0], [0], [1, 2], [0]) && bytes[4] !== 0],
  ['DDS', (bytes) => ascii(bytes, 0, 4) === 'DDS '],
  ['OpenEXR', (bytes) => beginsWith(bytes, [0x76], [0x2f], [0x31], [1])],
  ['PCX', (bytes) => beginsWith(bytes, [10], [0, 2, 3, 4, 5], [1], [1, 2, 4, 8])],
  ['SGI', (bytes) => beginsWith(bytes, [1], [0xda], [0, 1], [1, 2])],
  ['PDF', (bytes) => ascii(bytes, 0, 5) === '%PDF-'],
  ['SVG', (bytes) => /^\s*(<\?xml[^>]*>\s*)?<svg/.test(ascii(bytes, 0, 256))],
];

/** Returns the name of the kind of file that the bytes begin like; null if none is known. */
export function kindOfFile(bytes: Uint8Array): string | null {
  return KINDS.find(([, fits]) => fits(bytes))?.[0] ?? null;
}

/** Says whether the bytes begin like a PNG or a JPEG. */
export function isImageFile(bytes: Uint8Array): boolean {
  const kind = kindOfFile(bytes);
  return kind === 'PNG' || kind === 'JPEG';
}

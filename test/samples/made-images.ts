import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { ImageType } from '../../bench/reliability/mutate-image.ts';

/**
 * Bits of a sample and colour types that PNG allows (PNG 1.2, section 4.1.1): 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with
 * alpha.
 */
const PNG_KINDS: [colourType: number, depths: number[]][] = [
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
];
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export interface MadeImage {
  name: string;
  type: ImageType;
  bytes: Buffer;
}

/** A file of each kind of PNG, JPEG and WebP that is read, of an odd size, with noise in it. */
export async function madeImages(): Promise<MadeImage[]> {
  const made: MadeImage[] = [];
  for (const [colourType, depths] of PNG_KINDS)
    for (const depth of depths) {
      made.push({ name: `PNG type ${colourType}, ${depth} bits`, type: 'image/png', bytes: png(31, 29, colourType, depth, false) });
      if (colourType === 0 || colourType === 2 || colourType === 3)
        made.push({ name: `PNG type ${colourType}, ${depth} bits, tRNS`, type: 'image/png', bytes: png(31, 29, colourType, depth, true) });
    }
  const colour = sharp(png(31, 29, 2, 8, false));
  const photo = colour.clone().resize(61, 47, { kernel: 'cubic' });
  made.push({ name: 'PNG, interlaced', type: 'image/png', bytes: await photo.clone().png({ progressive: true }).toBuffer() });
  const jpegs: [string, Promise<Buffer>][] = [
    ['JPEG 4:2:0', photo.clone().jpeg().toBuffer()],
    ['JPEG 4:4:4, progressive', photo.clone().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer()],
    ['JPEG, grey', photo.clone().greyscale().jpeg().toBuffer()],
    ['JPEG, turned', photo.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
  ];
  for (const [name, bytes] of jpegs) made.push({ name, type: 'image/jpeg', bytes: await bytes });
  const clear = sharp(png(31, 29, 6, 8, false));
  const webps: [string, Promise<Buffer>][] = [
    ['WebP, lossy', photo.clone().webp().toBuffer()],
    ['WebP, lossy with alpha', clear.clone().webp({ quality: 70 }).toBuffer()],
    ['WebP, lossy with coarse alpha', clear.clone().webp({ alphaQuality: 20, smartSubsample: true }).toBuffer()],
    ['WebP, lossless', photo.clone().webp({ lossless: true }).toBuffer()],
    ['WebP, lossless with alpha', clear.clone().webp({ lossless: true }).toBuffer()],
    ['WebP, lossless of few colours', photo.clone().greyscale().threshold().webp({ lossless: true }).toBuffer()],
    ['WebP, turned', photo.clone().withMetadata({ orientation: 6 }).webp().toBuffer()],
  ];
  for (const [name, bytes] of webps) made.push({ name, type: 'image/webp', bytes: await bytes });
  return made;
}

/** A JPEG of four components. */
export const cmykJpeg = (): Promise<Buffer> =>
  sharp({ create: { width: 28, height: 28, channels: 3, background: '#336699' } })
    .toColourspace('cmyk')
    .jpeg()
    .toBuffer();

function png(width: number, height: number, colourType: number, depth: number, transparent: boolean): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, 0], 8);
  const rowBytes = Math.ceil((width * (SAMPLES[colourType] as number) * depth) / 8);
  const rows = Buffer.concat(Array.from({ length: height }, (_, y) => Buffer.from([0, ...noise(rowBytes, 7 * y + depth + colourType)])));
  const entries = 2 ** Math.min(depth, 8);
  const palette = colourType === 3 ? [chunk('PLTE', noise(3 * entries, 3))] : [];
  const key: Record<number, Buffer> = { 0: Buffer.from([0, 1]), 2: Buffer.from([0, 1, 0, 2, 0, 3]), 3: noise(entries, 5) };
  const alpha = transparent ? [chunk('tRNS', key[colourType] as Buffer)] : [];
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...palette,
    ...alpha,
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

export function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const made = Buffer.alloc(body.length + 8);
  made.writeUInt32BE(data.length, 0);
  body.copy(made, 4);
  made.writeUInt32BE(crc32(body), body.length + 4);
  return made;
}

/** The same bytes each time. */
const noise = (length: number, seed: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => ((i + 1) * 2654435761 + seed * 40503) >>> 24));

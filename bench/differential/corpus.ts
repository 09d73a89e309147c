import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { randomFrom } from '../../shared/random.ts';
import { chance, mutateBytes, oneOf } from '../reliability/mutate-bytes.ts';
import { mutateJpeg } from '../reliability/mutate-jpeg.ts';
import { mutatePng } from '../reliability/mutate-png.ts';

/** A PNG or JPEG, whole or not. */
export interface ImageFile {
  name: string;
  bytes: Buffer;
}

/** Larger ones are not mutated: they would take most of the time and teach nothing more. */
const MUTATED_UP_TO = 100_000;

/** Media type by how the bytes begin; null where they begin as neither. */
export function typeOf(bytes: Uint8Array): 'image/png' | 'image/jpeg' | null {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return 'image/png';
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? 'image/jpeg' : null;
}

/** Lists every PNG and JPEG within a folder, whatever its name, sorted. @throws Error where there is none */
export async function imagesIn(folder: string): Promise<ImageFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const images: ImageFile[] = [];
  for (const path of paths.sort()) {
    const bytes = await readFile(path);
    if (typeOf(bytes)) images.push({ name: join(basename(folder), relative(folder, path)), bytes });
  }
  if (images.length === 0) throw new Error(`${folder} holds no PNG or JPEG file`);
  return images;
}

/** Changes one of the images once to three times; the same for the same seed and number. It still begins as a PNG or JPEG. */
export function mutatedImage(images: readonly ImageFile[], seed: number, number: number): ImageFile {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b), 'differential');
  // Neighbouring seeds begin alike.
  for (let i = 0; i < 16; i++) random.uniform();
  const small = images.filter(({ bytes }) => bytes.length <= MUTATED_UP_TO);
  const of = oneOf(random, small);
  const type = typeOf(of.bytes);
  for (;;) {
    let { bytes } = of;
    for (let changes = random.integer(1, 3); changes > 0; changes--) {
      if (chance(random, 0.25)) bytes = mutateBytes(bytes, oneOf(random, small).bytes, random);
      else bytes = type === 'image/png' ? mutatePng(bytes, random) : mutateJpeg(bytes, random);
    }
    if (typeOf(bytes)) return { name: `mutant ${number} of ${of.name}`, bytes };
  }
}

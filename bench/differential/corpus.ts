import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { formatOf } from '../../shared/images/formats.ts';
import { randomFrom } from '../../shared/random.ts';
import { chance, mutateBytes, oneOf } from '../reliability/mutate-bytes.ts';
import { type ImageType, mutateImage } from '../reliability/mutate-image.ts';

/** A file that begins as a format that is read, whole or not. */
export interface ImageFile {
  name: string;
  bytes: Buffer;
}

/** Larger ones are not mutated: they would take most of the time and teach nothing more. */
const MUTATED_UP_TO = 100_000;

/** Returns the media type by how the bytes begin; null if they begin as no format that is read. */
export const typeOf = (bytes: Uint8Array): ImageType | null => (formatOf(bytes)?.mediaTypes[0] as ImageType | undefined) ?? null;

/** Lists every file of a format that is read within a folder, whatever its name, sorted. @throws Error where there is none */
export async function imagesIn(folder: string): Promise<ImageFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const images: ImageFile[] = [];
  for (const path of paths.sort()) {
    const bytes = await readFile(path);
    if (typeOf(bytes)) images.push({ name: join(basename(folder), relative(folder, path)), bytes });
  }
  if (images.length === 0) throw new Error(`${folder} holds no PNG, JPEG or WebP file`);
  return images;
}

/** Changes one of the images once to three times; the same for the same seed and number. It still begins as a format that is read. */
export function mutatedImage(images: readonly ImageFile[], seed: number, number: number): ImageFile {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b), 'differential');
  // Neighbouring seeds begin alike.
  for (let i = 0; i < 16; i++) random.uniform();
  const small = images.filter(({ bytes }) => bytes.length <= MUTATED_UP_TO);
  const of = oneOf(random, small);
  const type = typeOf(of.bytes) as ImageType;
  for (;;) {
    let { bytes } = of;
    for (let changes = random.integer(1, 3); changes > 0; changes--) {
      if (chance(random, 0.25)) bytes = mutateBytes(bytes, oneOf(random, small).bytes, random);
      else bytes = mutateImage(type, bytes, random);
    }
    if (typeOf(bytes)) return { name: `mutant ${number} of ${of.name}`, bytes };
  }
}

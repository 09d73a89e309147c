import { execFileSync } from 'node:child_process';
import sharp from 'sharp';
import { type Random, randomFrom } from '../../shared/random.ts';

/** Characters that no reader takes for a digit: without B, D, I, O, S, Z, and without the strokes / [ ] { } ! that are a 1. */
export const CHARACTERS = { capitals: 'ACEFGHJKLMNPQRTUVWXY', symbols: '#@&%$?+=<>*~' };

/** Fonts that do not draw letters as letters. */
const DECORATED = /keyboard|initials|symbol|emoji|math/i;
/** Height and width of an image, and of the ink in it, as in MNIST. */
const [SIDE, INK] = [28, 20];

/** Draws characters in the fonts of this machine as MNIST's digits are: white on black, in a box of 20, centred by mass. */
export async function printed(characters: string, count: number): Promise<Float32Array[]> {
  const fonts = fontFiles();
  const images: Float32Array[] = [];
  for (let seed = 0; images.length < count; seed++) {
    const random = randomFrom(seed, characters);
    const [name, file] = fonts[random.integer(0, fonts.length - 1)] as [string, string];
    const image = await imageOf(characters[random.integer(0, characters.length - 1)] as string, name, file, random);
    if (image) images.push(image);
  }
  return images;
}

/** Lists the fonts with Latin letters. @returns name and file of each */
function fontFiles(): [string, string][] {
  const lines = execFileSync('fc-list', [':lang=en', '--format', '%{fullname[0]}\t%{file}\n'], { encoding: 'utf8' }).split('\n');
  const fonts = [...new Set(lines)].filter((line) => /\.(ttf|otf)$/i.test(line) && !DECORATED.test(line)).sort();
  if (fonts.length === 0) throw new Error('fc-list names no font; install some');
  return fonts.map((line) => line.split('\t') as [string, string]);
}

/** @returns null where a font shows nothing for the character */
async function imageOf(character: string, font: string, fontfile: string, random: Random): Promise<Float32Array | null> {
  const escaped = character.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;');
  const text = { text: escaped, font: `${font} 64`, fontfile, rgba: true, dpi: 100 };
  const ink = await sharp({ text }).extractChannel('alpha').png().toBuffer();
  const turned = await sharp(ink)
    .rotate(24 * (random.uniform() - 0.5), { background: '#000' })
    // Thickens the lines.
    .blur(0.5 + 2 * random.uniform())
    .linear(3, 0)
    .png()
    .toBuffer();
  const trimmed = await sharp(turned).trim({ background: '#000', threshold: 20 }).png().toBuffer();
  const { data, info } = await sharp(trimmed)
    .resize({ width: INK, height: INK, fit: 'inside' })
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  let [mass, down, across] = [0, 0, 0];
  for (let row = 0; row < info.height; row++)
    for (let column = 0; column < info.width; column++) {
      const level = data[(row * info.width + column) * info.channels] as number;
      [mass, down, across] = [mass + level, down + level * row, across + level * column];
    }
  if (mass < 255 * 8) return null;
  const place = (center: number, length: number) => Math.max(0, Math.min(SIDE - length, Math.round((SIDE - 1) / 2 - center)));
  const [top, left] = [place(down / mass, info.height), place(across / mass, info.width)];
  const image = new Float32Array(SIDE * SIDE);
  for (let row = 0; row < info.height; row++)
    for (let column = 0; column < info.width; column++)
      image[(top + row) * SIDE + left + column] = (data[(row * info.width + column) * info.channels] as number) / 255;
  return image;
}

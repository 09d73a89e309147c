import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { type Random, randomFrom } from '../shared/random.ts';

/**
 * Draws printed capitals in the fonts of this machine: A to J as classes, 160 images each, and K to Z as unknown images. Sizes, places,
 * slants and darkness vary, as in scans.
 *
 *   node bench/letters.ts FOLDER
 *   pnpm train --data images --data-dir FOLDER/known --image-size 28 --channels 1
 *   pnpm calibrate --unknown-dir FOLDER/unknown --test
 */
const [CLASSES, UNKNOWN] = ['ABCDEFGHIJ', 'KLMNOPQRSTUVWXYZ'];
const [FONTS, OF_A_CLASS, UNKNOWN_OF_EACH] = [60, 160, 60];
/** Height and width of an image. */
const SIDE = 48;
/** Fonts that do not draw letters as letters. */
const DECORATED = /keyboard|initials|symbol|emoji/i;

const folder = resolve(process.argv[2] ?? '');
if (process.argv.length !== 3) throw new RangeError('name the folder to write: node bench/letters.ts FOLDER');
const fonts = fontFiles();
console.log(`${fonts.length} fonts`);
const draw = async (letter: string, count: number, into: string) => {
  await mkdir(join(folder, into), { recursive: true });
  for (let i = 0; i < count; i++) {
    const random = randomFrom(i, letter);
    const [name, file] = fonts[i % fonts.length] as [string, string];
    await sharp(await letterImage(letter, name, file, random)).toFile(join(folder, into, `${letter}-${i}.png`));
  }
};
for (const letter of CLASSES) await draw(letter, OF_A_CLASS, join('known', letter));
for (const letter of UNKNOWN) await draw(letter, UNKNOWN_OF_EACH, 'unknown');

/** Lists up to FONTS fonts with Latin capitals, of every family some before any has many. @returns name and file of each */
function fontFiles(): [string, string][] {
  const lines = execFileSync('fc-list', [':lang=en', '--format', '%{family[0]}\t%{fullname[0]}\t%{file}\n'], { encoding: 'utf8' });
  const rows = [...new Set(lines.split('\n'))].filter((line) => /\.(ttf|otf)$/i.test(line) && !DECORATED.test(line)).sort();
  const families = Map.groupBy(
    rows.map((line) => line.split('\t') as [string, string, string]),
    ([family]) => family,
  );
  const turns = [...families.values()].flatMap((own) => own.map((font, i) => ({ font, i })));
  return turns
    .sort((a, b) => a.i - b.i)
    .slice(0, FONTS)
    .map(({ font: [, name, file] }) => [name, file]);
}

/** Draws a letter, dark on light. @returns PNG */
async function letterImage(letter: string, font: string, fontfile: string, random: Random): Promise<Buffer> {
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const text = { text: letter, font: `${font} 40`, fontfile, rgba: true, dpi: 150 };
  const ink = await sharp({ text }).extractChannel('alpha').png().toBuffer();
  const trimmed = await sharp(ink).trim({ background: '#000', threshold: 1 }).png().toBuffer();
  const slanted = await sharp(trimmed)
    .affine([1, between(-0.12, 0.12), 0, 1], { background: '#000' })
    .rotate(between(-5, 5), { background: '#000' })
    .png()
    .toBuffer();
  const height = Math.round(between(26, 36));
  const { data, info } = await sharp(slanted).resize({ height, width: 44, fit: 'inside' }).png().toBuffer({ resolveWithObject: true });
  const [left, top] = [SIDE - info.width, SIDE - info.height].map((room) => Math.round(Math.max(0, room / 2 + between(-3, 3)))) as [
    number,
    number,
  ];
  const [dark, light] = [between(0, 70), between(200, 255)];
  return sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#000' } })
    .composite([{ input: data, left: Math.min(left, SIDE - info.width), top: Math.min(top, SIDE - info.height) }])
    .toColourspace('b-w')
    .linear((dark - light) / 255, light)
    .png()
    .toBuffer();
}

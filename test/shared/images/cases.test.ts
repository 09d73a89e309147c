import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeBySharp } from '../../../bench/reliability/decode-by-sharp.ts';
import { openImageReader } from '../../../node/image-reader.ts';
import { ImageError } from '../../../shared/images/image.ts';
import { DEFAULT_LIMITS } from '../../../shared/images/limits.ts';

const cases = join(import.meta.dirname, '../../samples/cases');
const read = async (file: string) =>
  (await openImageReader())(await readFile(join(cases, file)), { limits: DEFAULT_LIMITS, background: 0 });

describe('files of real cameras and programs', () => {
  it.each([
    ['exif-orientation-two-images/six-after-sof.jpg', /not clear how the JPEG is turned: EXIF of another place says orientation 3/],
    ['exif-orientation-two-images/six-first-3-then-1.jpg', /EXIF of another place says orientation 1, but its EXIF says 3/],
    ['png-palette-257/plte-257-digit.png', /palette \(PLTE\) has 771 bytes; 1 to 256 colours/],
    ['screen-command-says-otherwise/lossless.jpg', /The JPEG is lossless, which is not read/],
  ])('%s is refused with its reason', async (file, why) => {
    await expect(read(file)).rejects.toThrow(ImageError);
    await expect(read(file)).rejects.toThrow(why);
  });

  it('take nothing from chunks that the pixels do not need', async () => {
    const files = await readdir(join(cases, 'png-ancillary'));
    expect(files).toHaveLength(8);
    for (const file of files) {
      const image = await read(`png-ancillary/${file}`);
      expect(image, file).toEqual(await decodeBySharp(await readFile(join(cases, 'png-ancillary', file))));
    }
  });

  it.each(['bad-crc-text.png', 'extraneous-before-eoi.jpg'])('%s is taken as it is shown elsewhere', async (file) => {
    const image = await read(`screen-command-says-otherwise/${file}`);
    const bytes = await readFile(join(cases, 'screen-command-says-otherwise', file));
    expect(image).toEqual(await decodeBySharp(bytes));
  });

  it.each(['extraneous-before-eoi.jpg', 'turned.jpg'])('%s is read alike where its bytes lie between others', async (file) => {
    const bytes = await readFile(join(cases, file === 'turned.jpg' ? '..' : 'screen-command-says-otherwise', file));
    // As Node's own buffers lie in a pool: slice() of a Buffer is a view.
    const between = Buffer.concat([Buffer.alloc(100, 0xff), bytes, Buffer.alloc(100, 0xff)]).subarray(100, 100 + bytes.length);
    const copy = Buffer.from(between);
    const reader = await openImageReader();
    const outcome = (given: Uint8Array) => reader(given, { limits: DEFAULT_LIMITS, background: 0 }).catch((error: Error) => error.message);
    expect(await outcome(between)).toEqual(await outcome(new Uint8Array(bytes)));
    expect(Buffer.compare(between, copy)).toBe(0);
  });
});
